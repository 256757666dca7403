using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Looks at a value that is passed on as it came: a sequence, a map, or the value that is given for an optional. The runtime checks its
/// types. Told here are the faults for which the runtime would take memory at its word, and those that it would blame on itself.
/// </summary>
internal static class HeldValue
{
    /// <summary>About what a value takes beside its elements, so that many small ones count.</summary>
    private const int PartBytes = 16;

    /// <param name="signature">The input that it is given for.</param>
    /// <param name="input">The value, or a part of it.</param>
    /// <param name="bytes">Grows by the bytes that it takes.</param>
    public static PredictionError? Check(ValueSignature signature, in PredictionInput input, ref long bytes) =>
        Check(signature, in input, ref bytes, 0);

    private static PredictionError? Check(ValueSignature signature, in PredictionInput input, ref long bytes, int depth)
    {
        bytes += PartBytes;
        switch (input.Kind)
        {
            case ValueKind.Tensor when input.Elements.Type == ElementType.None:
                return RequestErrors.AbsentPart(signature);

            case ValueKind.Tensor:
                var shape = input.Elements.Shape;
                if (shape is not null && Shapes.Count(shape) != input.Elements.Length)
                    return RequestErrors.LengthAgainstShape(signature, input.Elements.Length, shape);
                return CheckElements(signature, input.Elements, ref bytes);

            case ValueKind.Sequence:
                if (input.Sequence.Length == 0) return RequestErrors.EmptySequence(signature);
                if (depth == OwnedInputs.MaxDepth) return RequestErrors.TooDeep(signature);
                foreach (ref readonly var element in input.Sequence.AsSpan())
                {
                    if (Check(signature, in element, ref bytes, depth + 1) is { } error) return error;
                }

                return null;

            case ValueKind.Map:
                return CheckElements(signature, input.Elements, ref bytes) ?? CheckElements(signature, input.MapValues, ref bytes);

            default:
                return RequestErrors.AbsentPart(signature);
        }
    }

    private static PredictionError? CheckElements(ValueSignature signature, in BorrowedTensor elements, ref long bytes)
    {
        bytes += elements.CountBytes(out var hasNull);
        return hasNull ? RequestErrors.NullElement(signature) : null;
    }
}
