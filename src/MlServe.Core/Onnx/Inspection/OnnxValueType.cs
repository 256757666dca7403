namespace MlServe.Onnx.Inspection;

/// <summary>The declared type of a graph's input or output. Immutable, and so safe to share between threads.</summary>
public sealed class OnnxValueType
{
    internal static readonly OnnxValueType Unknown = new();

    internal OnnxValueType()
    {
    }

    /// <summary>The kind of the value.</summary>
    public OnnxValueKind Kind { get; internal init; }

    /// <summary>
    /// The type of a tensor's elements, or of a map's keys; <see cref="OnnxElementType.Undefined"/> for the other kinds.
    /// </summary>
    public OnnxElementType ElementType { get; internal init; }

    /// <summary>
    /// The dimensions of a tensor, outermost first; empty for a scalar, null if the model declares no shape or the value is no tensor.
    /// </summary>
    public IReadOnlyList<OnnxDimension>? Dimensions { get; internal init; }

    /// <summary>The type of a sequence's elements, of a map's values or of what an optional holds; null for the other kinds.</summary>
    public OnnxValueType? Contained { get; internal init; }

    /// <summary>The type as ONNX writes it, with the shape: <c>tensor(float)[batch,3]</c>, <c>seq(map(int64,tensor(float)))</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Kind switch
    {
        OnnxValueKind.Tensor => $"tensor({Name(ElementType)}){Shape}",
        OnnxValueKind.SparseTensor => $"sparse_tensor({Name(ElementType)}){Shape}",
        OnnxValueKind.Sequence => $"seq({Contained})",
        OnnxValueKind.Map => $"map({Name(ElementType)},{Contained})",
        OnnxValueKind.Optional => $"optional({Contained})",
        OnnxValueKind.Opaque => "opaque",
        _ => "unknown",
    };

    private string Shape => Dimensions is null ? "" : $"[{string.Join(',', Dimensions)}]";

    // ONNX names its types by the lower case of the names in TensorProto.DataType, which the enum keeps.
    private static string Name(OnnxElementType type) => type.ToString().ToLowerInvariant();
}
