using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Finds the shape of a flat list of elements. It is made of the sizes that the model fixes, the rows, and at most one axis that follows
/// from the length.
/// </summary>
internal static class FlatInput
{
    public static PredictionError? Check(ValueSignature signature, long length, ref int rows, Span<long> sizes, out int used)
    {
        used = 0;
        if (!signature.IsShapeKnown)
        {
            // Nothing is known of the axes: a flat list is one.
            if (!sizes.IsEmpty)
            {
                sizes[used++] = LaneShape.OpenInput - 1;
                sizes[used++] = length;
            }

            return null;
        }

        long known = 1;
        var freeAxes = 0;
        for (var axis = 0; axis < signature.Shape.Count; axis++)
        {
            if (axis == signature.BatchAxis) continue;
            if (signature.Shape[axis].Size is { } size) known = Times(known, size);
            else freeAxes++;
        }

        if (freeAxes > 1) return RequestErrors.ShapeNeeded(signature);
        long free = 1;
        if (signature.BatchAxis is not null)
        {
            if (rows < 0)
            {
                if (freeAxes > 0) return RequestErrors.ShapeNeeded(signature);
                if (known == 0 || length % known != 0 || length / known > int.MaxValue)
                    return RequestErrors.WrongLength(signature, length, known, rows);
                rows = (int)(length / known);
            }

            known = Times(known, rows);
        }

        if (freeAxes == 1)
        {
            if (known == 0 ? length != 0 : length % known != 0) return RequestErrors.WrongLength(signature, length, known, rows);
            free = known == 0 ? 0 : length / known;
        }
        else if (length != known)
        {
            return RequestErrors.WrongLength(signature, length, known, rows);
        }

        if (sizes.IsEmpty) return null;
        for (var axis = 0; axis < signature.Shape.Count; axis++)
        {
            if (axis != signature.BatchAxis) sizes[used++] = signature.Shape[axis].Size ?? free;
        }

        return null;
    }

    /// <summary>A product of sizes that stays at the largest number: a model may declare sizes whose product is none.</summary>
    private static long Times(long left, long right) => Shapes.Count([left, right]) is var product and >= 0 ? product : long.MaxValue;
}
