using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>A list of nodes with what it takes and gives: the main graph, a subgraph, or the body of a function.</summary>
internal sealed class GraphBody
{
    public string Name { get; init; } = "";

    /// <summary>Inputs in the order of the file, those with a default included. Those of a function have no type.</summary>
    public required IReadOnlyList<OnnxValueInfo> Inputs { get; init; }

    /// <summary>Outputs in the order of the file. Their declared shapes are hints that models are known not to keep to.</summary>
    public required IReadOnlyList<OnnxValueInfo> Outputs { get; init; }

    /// <summary>The file's declarations of values in between: hints as well.</summary>
    public required IReadOnlyList<OnnxValueInfo> Declared { get; init; }

    /// <summary>Dense and sparse initializers by name. In the main graph, those that are inputs as well (<see
    /// cref="OnnxValueInfo.HasDefault"/>) may be given by a request.</summary>
    public required IReadOnlyDictionary<string, GraphTensor> Initializers { get; init; }

    /// <summary>Each node behind those whose outputs it takes, in whichever order the file has them. Nodes of a cycle stand last.</summary>
    public required IReadOnlyList<GraphNode> Nodes { get; init; }

    /// <summary>
    /// The faults that make the graph invalid: a name that is given twice, a cycle. The first few; empty for a valid graph.
    /// </summary>
    public required IReadOnlyList<string> Faults { get; init; }

    /// <summary>Names that its nodes and outputs take and that are not made in it: values of the graphs around it. Each once.</summary>
    public required IReadOnlyList<string> Free { get; init; }
}
