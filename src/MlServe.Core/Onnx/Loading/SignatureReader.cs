using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx.Inspection;
using MlServe.Tensors;
using OnnxValueType = MlServe.Onnx.Inspection.OnnxValueType;
using OrtValueType = Microsoft.ML.OnnxRuntime.OnnxValueType;

namespace MlServe.Onnx;

/// <summary>
/// Reads a session's statements on its inputs and outputs. From the file it takes only the fact that the session cannot tell: whether a
/// shape is known.
/// </summary>
internal static class SignatureReader
{
    public static ModelSignature Read(InferenceSession session, OnnxModelInfo info)
    {
        var inputs = new List<ValueSignature>();
        foreach (var name in session.InputNames)
            inputs.Add(InputOf(
                name, session.InputMetadata[name], FindIn(info.Inputs, name),
                isOptional: session.InputMetadata[name].OnnxValueType == OrtValueType.ONNX_TYPE_OPTIONAL));
        foreach (var (name, metadata) in session.OverridableInitializerMetadata)
            inputs.Add(InputOf(name, metadata, FindIn(info.Inputs, name), isOptional: true));

        var outputs = new List<ValueSignature>();
        foreach (var name in session.OutputNames)
            outputs.Add(ToSignature(name, session.OutputMetadata[name], FindIn(info.Outputs, name), isOptional: false));
        return new(inputs, outputs) { Metadata = MetadataReader.Read(info) };
    }

    /// <summary>The values that it takes besides finite numbers are found by trying; until then anything may come.</summary>
    private static ValueSignature InputOf(string name, NodeMetadata metadata, OnnxValueInfo? declared, bool isOptional) =>
        ToSignature(name, metadata, declared, isOptional) with { NonFiniteValues = NonFiniteValues.All };

    private static OnnxValueInfo? FindIn(IReadOnlyList<OnnxValueInfo> values, string name)
    {
        foreach (var value in values)
        {
            if (value.Name == name) return value;
        }

        return null;
    }

    private static ValueSignature ToSignature(string name, NodeMetadata metadata, OnnxValueInfo? declared, bool isOptional)
    {
        if (metadata.OnnxValueType != OrtValueType.ONNX_TYPE_TENSOR)
        {
            var kind = metadata.OnnxValueType switch
            {
                OrtValueType.ONNX_TYPE_SEQUENCE => ValueKind.Sequence,
                OrtValueType.ONNX_TYPE_MAP => ValueKind.Map,
                OrtValueType.ONNX_TYPE_OPTIONAL => ValueKind.Optional,
                _ => throw Unsupported(name, metadata.OnnxValueType.ToString()),
            };
            return ContentOf(declared?.Type, kind) with { Name = name, IsOptional = isOptional, Description = declared?.Description };
        }

        var type = OrtTypes.FromOrt(metadata.ElementDataType);
        if (type == ElementType.None) throw Unsupported(name, metadata.ElementDataType.ToString());

        var dimensions = metadata.Dimensions;
        var symbols = metadata.SymbolicDimensions;
        var shape = new Dimension[dimensions.Length];
        for (var axis = 0; axis < shape.Length; axis++)
            shape[axis] = dimensions[axis] < 0 ? Dimension.Free(symbols[axis]) : Dimension.Fixed(dimensions[axis]);

        return new()
        {
            Name = name,
            Kind = ValueKind.Tensor,
            ElementType = type,
            Shape = shape,
            IsShapeKnown = shape.Length > 0 || declared?.Type.Dimensions is not null,
            IsOptional = isOptional,
            Description = declared?.Description,
        };
    }

    /// <summary>
    /// The contents that the file declares; the session tells of the outermost kind alone. A file nests types no deeper than the
    /// inspection's limit.
    /// </summary>
    private static ValueSignature ContentOf(OnnxValueType? type, ValueKind kind)
    {
        var content = new ValueSignature { Name = "", Kind = kind };
        if (type is null || KindOf(type.Kind) != kind) return content;
        if (kind == ValueKind.Tensor)
        {
            return content with
            {
                ElementType = TypeOf(type.ElementType),
                Shape = [.. (type.Dimensions ?? [])
                    .Select(static size => size.Size is { } known ? Dimension.Fixed(known) : Dimension.Free(size.Symbol))],
                IsShapeKnown = type.Dimensions is not null,
            };
        }

        return content with
        {
            KeyType = kind == ValueKind.Map ? TypeOf(type.ElementType) : ElementType.None,
            Content = type.Contained is { } inside && KindOf(inside.Kind) is { } insideKind ? ContentOf(inside, insideKind) : null,
        };
    }

    private static ElementType TypeOf(OnnxElementType type) =>
        Enum.IsDefined((ElementType)(int)type) ? (ElementType)(int)type : ElementType.None;

    private static ValueKind? KindOf(OnnxValueKind kind) => kind switch
    {
        OnnxValueKind.Tensor => ValueKind.Tensor,
        OnnxValueKind.Sequence => ValueKind.Sequence,
        OnnxValueKind.Map => ValueKind.Map,
        OnnxValueKind.Optional => ValueKind.Optional,
        _ => null,
    };

    /// <summary>An element type that the file names and the runtime's C# API does not take; null if there is none.</summary>
    public static OnnxElementType? FindUnsupported(OnnxValueType? type)
    {
        for (; type is not null; type = type.Contained)
        {
            if (type.ElementType != OnnxElementType.Undefined && !Enum.IsDefined((ElementType)(int)type.ElementType))
                return type.ElementType;
        }

        return null;
    }

    public static ModelLoadException Unsupported(string name, string type) => new(ModelLoadFailure.UnsupportedType,
        $"'{name}' is of type {type}, which ONNX Runtime's C# API does not take. Put a Cast to float, an integer or another plain type "
            + "into the model.");
}
