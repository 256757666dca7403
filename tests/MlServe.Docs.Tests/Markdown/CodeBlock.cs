namespace MlServe.Docs.Markdown;

/// <summary>A fenced block of a document.</summary>
/// <param name="Document">The path of the document, as messages name it.</param>
/// <param name="Line">The line of the first line of code, from 1.</param>
/// <param name="Language">What stands behind the fence: <c>csharp</c>, <c>json</c>, or nothing.</param>
/// <param name="Text">The code.</param>
/// <param name="Marker">What the comment before the block says of it; null: there is none.</param>
internal sealed record CodeBlock(string Document, int Line, string Language, string Text, SampleMarker? Marker)
{
    /// <summary>Where it stands, as compilers write it.</summary>
    public string Place => $"{Document}:{Line}";

    public override string ToString() => Marker is null ? Place : $"{Place} ({Marker.Name})";
}
