using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Features;

/// <summary>The outputs that a model's file declares, as the loaded model would show them.</summary>
internal static class DeclaredOutputs
{
    public static IReadOnlyList<ValueSignature> Of(OnnxModelInfo info) =>
        [.. info.Outputs.Select(static output => Of(output.Name, output.Type))];

    private static ValueSignature Of(string name, OnnxValueType type)
    {
        var signature = new ValueSignature { Name = name, Kind = KindOf(type.Kind), Content = ContentOf(type) };
        if (type.Kind == OnnxValueKind.Map) return signature with { KeyType = TypeOf(type.ElementType) };
        if (type.Kind != OnnxValueKind.Tensor) return signature;
        return signature with
        {
            ElementType = TypeOf(type.ElementType),
            IsShapeKnown = type.Dimensions is not null,
            Shape = [.. (type.Dimensions ?? [])
                .Select(static size => size.Size is { } known ? Dimension.Fixed(known) : Dimension.Free(size.Symbol))],

            // Which axis has the rows is found at load. The first, where it is free, hardly is anything else.
            BatchAxis = type.Dimensions is [{ Size: null }, ..] ? 0 : null,
        };
    }

    private static ValueSignature? ContentOf(OnnxValueType type) =>
        type.Kind != OnnxValueKind.Tensor && type.Contained is { } contained ? Of("", contained) : null;

    private static ElementType TypeOf(OnnxElementType type) =>
        Enum.IsDefined((ElementType)(int)type) ? (ElementType)(int)type : ElementType.None;

    private static ValueKind KindOf(OnnxValueKind kind) => kind switch
    {
        OnnxValueKind.Sequence => ValueKind.Sequence,
        OnnxValueKind.Map => ValueKind.Map,
        OnnxValueKind.Optional => ValueKind.Optional,
        _ => ValueKind.Tensor,
    };
}
