namespace MlServe.Onnx.Graphs;

/// <summary>An attribute of a node. Lists and texts that are long are counted and not kept: nothing that is asked of them needs their
/// elements.</summary>
internal sealed class GraphAttribute
{
    public required string Name { get; init; }

    public required GraphAttributeKind Kind { get; init; }

    /// <summary>In a function's body: the attribute of the calling node that stands here; null elsewhere.</summary>
    public string? Reference { get; init; }

    public long Int { get; init; }

    public float Float { get; init; }

    /// <summary>Null if it is longer than <see cref="OnnxGraph.MaxKeptText"/>, or no UTF-8.</summary>
    public string? Text { get; init; }

    /// <summary>How many elements a list has, kept or not.</summary>
    public int Count { get; init; }

    /// <summary>Null if there are more than <see cref="OnnxGraph.MaxKeptValues"/>.</summary>
    public long[]? Ints { get; init; }

    /// <summary>Null if there are more than <see cref="OnnxGraph.MaxKeptValues"/>.</summary>
    public float[]? Floats { get; init; }

    /// <summary>Null if one is not kept, or there are more than <see cref="OnnxGraph.MaxKeptValues"/>.</summary>
    public string[]? Texts { get; init; }

    /// <summary>The tensor, or the first of several.</summary>
    public GraphTensor? Tensor { get; init; }

    /// <summary>The subgraph of an attribute of kind <see cref="GraphAttributeKind.Graph"/>, or those of <see
    /// cref="GraphAttributeKind.Graphs"/>.</summary>
    public IReadOnlyList<GraphBody> Bodies { get; init; } = [];

    /// <summary>The same under another name: the form that a function's body gets for its reference.</summary>
    public GraphAttribute As(string name) => name == Name ? this : new()
    {
        Name = name,
        Kind = Kind,
        Reference = Reference,
        Int = Int,
        Float = Float,
        Text = Text,
        Count = Count,
        Ints = Ints,
        Floats = Floats,
        Texts = Texts,
        Tensor = Tensor,
        Bodies = Bodies,
    };
}
