namespace MlServe.Onnx.Graphs;

/// <summary>A function that the model defines for itself. Nodes that call it name it as their operator.</summary>
internal sealed class GraphFunction
{
    public required string Domain { get; init; }

    public required string Name { get; init; }

    public required string Overload { get; init; }

    public required GraphBody Body { get; init; }

    /// <summary>The operator sets that its body imports, by domain.</summary>
    public required IReadOnlyDictionary<string, long> Opsets { get; init; }

    /// <summary>Attributes with a default, which a call may leave out.</summary>
    public required IReadOnlyDictionary<string, GraphAttribute> Defaults { get; init; }

    /// <summary>
    /// The attributes of a node when the function is called. Its references are replaced by the call's attributes, or by defaults. A
    /// reference that has neither is left out.
    /// </summary>
    public GraphAttribute[] Bind(GraphNode node, GraphNode call)
    {
        if (!Array.Exists(node.Attributes, static attribute => attribute.Reference is not null)) return node.Attributes;
        var bound = new List<GraphAttribute>(node.Attributes.Length);
        foreach (var attribute in node.Attributes)
        {
            if (attribute.Reference is not { } reference) bound.Add(attribute);
            else if ((call.Find(reference) ?? Defaults.GetValueOrDefault(reference)) is { } given) bound.Add(given.As(attribute.Name));
        }

        return [.. bound];
    }
}
