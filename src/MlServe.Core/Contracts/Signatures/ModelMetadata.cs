namespace MlServe;

/// <summary>The words of a model's author about it, as its file has them: nobody has checked them. Immutable.</summary>
public sealed record ModelMetadata
{
    /// <summary>Of a model that says nothing.</summary>
    public static ModelMetadata None { get; } = new();

    /// <summary>The author's description of the model; null if nothing is said. Of an ONNX file the first 4,096 bytes.</summary>
    public string? Description { get; init; }

    /// <summary>The tool that wrote the model, or null.</summary>
    public string? ProducerName { get; init; }

    /// <summary>The version of the tool that wrote the model, or null.</summary>
    public string? ProducerVersion { get; init; }

    /// <summary>The model's namespace in reverse domain notation, or null.</summary>
    public string? Domain { get; init; }

    /// <summary>The version that the author gave the model, another than that of <see cref="ModelIdentity"/>; 0 if none was
    /// given.</summary>
    public long Version { get; init; }

    /// <summary>
    /// The names of the classes, in the order of a classifier's scores; empty if none are known. Of an ONNX file they are read from the
    /// property <c>labels</c>, <c>classes</c>, <c>class_names</c>, <c>class_labels</c> or <c>names</c>. Its value is a list or a dictionary
    /// (JSON or Python), or a text split by lines or commas.
    /// </summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>
    /// The other properties, by their names. Of an ONNX file those of at most 65,536 characters, and all together of at most 1,048,576:
    /// vocabularies are to be had from the file.
    /// </summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } =
        System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;
}
