namespace MlServe.Docs.Markdown;

/// <summary>A document: its lines, and the fenced blocks among them.</summary>
internal sealed class MarkdownDocument
{
    private const string Fence = "```";

    private MarkdownDocument(string name, IReadOnlyList<string> lines)
    {
        Name = name;
        Lines = lines;
        Blocks = [.. FindBlocks(name, lines)];
    }

    public string Name { get; }

    public IReadOnlyList<string> Lines { get; }

    public IReadOnlyList<CodeBlock> Blocks { get; }

    public static MarkdownDocument Load(string name) => new(name, File.ReadAllLines(Repository.PathOf(name)));

    public static MarkdownDocument Parse(string name, string text) => new(name, text.ReplaceLineEndings("\n").Split('\n'));

    /// <summary>The lines that are no code, with their numbers from 1.</summary>
    public IEnumerable<(int Number, string Text)> Prose()
    {
        var isCode = false;
        for (var i = 0; i < Lines.Count; i++)
        {
            if (IsFence(Lines[i])) isCode = !isCode;
            else if (!isCode) yield return (i + 1, Lines[i]);
        }
    }

    private static bool IsFence(string line) => line.TrimStart().StartsWith(Fence, StringComparison.Ordinal);

    private static IEnumerable<CodeBlock> FindBlocks(string name, IReadOnlyList<string> lines)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            if (!IsFence(lines[i])) continue;
            var language = lines[i].TrimStart()[Fence.Length..].Trim();
            var marker = i > 0 ? SampleMarker.Read(lines[i - 1]) : null;
            var first = i + 1;
            for (i = first; i < lines.Count && !IsFence(lines[i]); i++)
            {
            }

            if (i == lines.Count) throw new FormatException($"{name}:{first}: the block that begins here has no end.");
            yield return new(name, first + 1, language, string.Join('\n', lines.Skip(first).Take(i - first)), marker);
        }
    }
}
