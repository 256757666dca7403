using System.Diagnostics.CodeAnalysis;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>A node of a graph: an operator, or a call of one of the model's functions.</summary>
internal sealed class GraphNode
{
    /// <summary>The operator's domain; <c>ai.onnx</c> if the file leaves it empty.</summary>
    public required string Domain { get; init; }

    public required string OpType { get; init; }

    /// <summary>Which of several functions of one name; empty as a rule.</summary>
    public string Overload { get; init; } = "";

    /// <summary>Empty if it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary>Names of values; an empty one is an input that is left out.</summary>
    public required string[] Inputs { get; init; }

    /// <summary>Names of values; an empty one is an output that nobody wants.</summary>
    public required string[] Outputs { get; init; }

    public required GraphAttribute[] Attributes { get; init; }

    /// <summary>The names that its subgraphs take from the graphs around them, each once.</summary>
    public IReadOnlyList<string> Captured { get; init; } = [];

    public bool IsStandard => Domain == InspectionState.OnnxDomain;

    /// <summary>The attribute of a name; of several the last, as in the runtime.</summary>
    public GraphAttribute? Find(string attribute) => Array.FindLast(Attributes, candidate => candidate.Name == attribute);

    public long Int(string attribute, long otherwise) => Find(attribute) is { Kind: GraphAttributeKind.Int } found ? found.Int : otherwise;

    public float Float(string attribute, float otherwise) => Find(attribute) is { Kind: GraphAttributeKind.Float } found
        ? found.Float
        : otherwise;

    public string Text(string attribute, string otherwise) => Find(attribute) is { Kind: GraphAttributeKind.Text } found
        ? found.Text ?? otherwise
        : otherwise;

    /// <summary>Null if it is absent, or too long to be kept.</summary>
    public long[]? Ints(string attribute) => Find(attribute) is { Kind: GraphAttributeKind.Ints } found ? found.Ints : null;

    /// <summary>Null if it is absent, or too long to be kept.</summary>
    public float[]? Floats(string attribute) => Find(attribute) is { Kind: GraphAttributeKind.Floats } found ? found.Floats : null;

    public GraphBody? Body(string attribute) => Find(attribute) is { Kind: GraphAttributeKind.Graph, Bodies: [var body] } ? body : null;

    /// <summary>The same node with other attributes.</summary>
    public GraphNode With(GraphAttribute[] attributes) => ReferenceEquals(attributes, Attributes) ? this : new()
    {
        Domain = Domain,
        OpType = OpType,
        Overload = Overload,
        Name = Name,
        Inputs = Inputs,
        Outputs = Outputs,
        Captured = Captured,
        Attributes = attributes,
    };

    /// <summary>The value of a <c>Constant</c> node, in which way ever the file writes it.</summary>
    public bool TryGetConstant([NotNullWhen(true)] out GraphTensor? value)
    {
        value = null;
        if (!IsStandard || OpType != "Constant" || Outputs.Length != 1) return false;
        foreach (var attribute in Attributes)
        {
            value = (attribute.Name, attribute.Kind) switch
            {
                ("value", GraphAttributeKind.Tensor) or ("sparse_value", GraphAttributeKind.SparseTensor) => attribute.Tensor,
                ("value_int", GraphAttributeKind.Int) => GraphTensor.Of("", [attribute.Int]),
                ("value_float", GraphAttributeKind.Float) => GraphTensor.Of("", [attribute.Float]),
                ("value_ints", GraphAttributeKind.Ints) =>
                    attribute.Ints is { } ints ? GraphTensor.Of("", ints, ints.Length) : Large(OnnxElementType.Int64, attribute.Count),
                ("value_floats", GraphAttributeKind.Floats) => attribute.Floats is { } floats
                    ? GraphTensor.Of("", Array.ConvertAll(floats, static number => (double)number), floats.Length)
                    : Large(OnnxElementType.Float, attribute.Count),
                ("value_string", GraphAttributeKind.Text) => new() { Name = "", ElementType = OnnxElementType.String, Dims = [] },
                ("value_strings", GraphAttributeKind.Texts) => Large(OnnxElementType.String, attribute.Count),
                _ => null,
            };
            if (value is not null) return true;
        }

        return false;
    }

    /// <summary>The operator and the node's name, for a message.</summary>
    public override string ToString() => Name.Length == 0 ? OpType : $"{OpType} '{Name}'";

    private static GraphTensor Large(OnnxElementType type, int count) => new() { Name = "", ElementType = type, Dims = [count] };
}
