using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>
/// Refuses requests that hold values which their model is not known to take. It does so before they are batched, so that one caller's NaN
/// never lies beside another's row.
/// </summary>
internal static class FiniteInputs
{
    /// <param name="model">The name of the model.</param>
    /// <param name="signature">The input that it is given for.</param>
    /// <param name="input">The value, whose type and shape have been checked.</param>
    /// <param name="isRow">Whether its shape leaves out the batch axis.</param>
    /// <param name="rows">The rows of the request.</param>
    public static PredictionError? Check(string model, ValueSignature signature, in PredictionInput input, bool isRow, int rows)
    {
        if (signature.NonFiniteValues == NonFiniteValues.All) return null;
        if (input.Kind != ValueKind.Tensor) return CheckHeld(model, signature, in input, -1);
        var elements = input.Elements;
        if (!FiniteScan.Knows(elements.Type)) return null;
        var bytes = TypedBytes.Of(elements);
        var index = FiniteScan.IndexOf(elements.Type, bytes, signature.NonFiniteValues);
        return index < 0
            ? null
            : RequestErrors.NotFinite(model, signature, FiniteScan.KindOf(elements.Type, bytes, index),
                new(index, elements.Shape ?? ShapeOf(signature, elements.Length, isRow, rows)));
    }

    private static PredictionError? CheckHeld(string model, ValueSignature signature, in PredictionInput input, int part)
    {
        switch (input.Kind)
        {
            case ValueKind.Sequence:
                for (var i = 0; i < input.Sequence.Length; i++)
                {
                    if (CheckHeld(model, signature, in input.Sequence[i], i) is { } error) return error;
                }

                return null;
            case ValueKind.Map:
                return CheckPart(model, signature, input.MapValues, part);
            case ValueKind.Tensor:
                return CheckPart(model, signature, input.Elements, part);
            default:
                return null;
        }
    }

    private static PredictionError? CheckPart(string model, ValueSignature signature, in BorrowedTensor elements, int part)
    {
        if (!FiniteScan.Knows(elements.Type)) return null;
        var bytes = TypedBytes.Of(elements);
        var index = FiniteScan.IndexOf(elements.Type, bytes, signature.NonFiniteValues);
        return index < 0
            ? null
            : RequestErrors.NotFinite(model, signature, FiniteScan.KindOf(elements.Type, bytes, index), new(index, elements.Shape, part));
    }

    /// <summary>The shape of a flat list, which follows from the model; null if it does not.</summary>
    private static long[]? ShapeOf(ValueSignature signature, long length, bool isRow, int rows)
    {
        var shape = new List<long>();
        var free = -1;
        long known = 1;
        for (var axis = 0; axis < signature.Shape.Count; axis++)
        {
            if (axis == signature.BatchAxis && isRow) continue;
            var size = axis == signature.BatchAxis ? rows : signature.Shape[axis].Size;
            if (size is null && free >= 0) return null;
            if (size is null) free = shape.Count;
            else known *= size.Value;
            shape.Add(size ?? 1);
        }

        if (free >= 0 && known > 0) shape[free] = length / known;
        return signature.IsShapeKnown ? [.. shape] : null;
    }
}
