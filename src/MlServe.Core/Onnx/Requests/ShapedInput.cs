using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Holds a shape that the caller gave against the model's.</summary>
internal static class ShapedInput
{
    public static PredictionError? Check(
        ValueSignature signature, long[] shape, long length, bool isRow, ref int rows, Span<long> sizes, out int used)
    {
        used = 0;
        if (Shapes.Count(shape) != length) return RequestErrors.LengthAgainstShape(signature, length, shape);
        if (!signature.IsShapeKnown)
        {
            if (!sizes.IsEmpty)
            {
                sizes[0] = LaneShape.OpenInput - shape.Length;
                shape.CopyTo(sizes[1..]);
                used = shape.Length + 1;
            }

            return null;
        }

        var leavesOut = isRow && signature.BatchAxis is not null;
        if (shape.Length != signature.Shape.Count - (leavesOut ? 1 : 0)) return RequestErrors.WrongRank(signature, shape, leavesOut);

        var given = 0;
        for (var axis = 0; axis < signature.Shape.Count; axis++)
        {
            if (axis == signature.BatchAxis)
            {
                if (leavesOut) continue;
                var size = shape[given++];
                if (rows < 0) rows = (int)Math.Min(size, int.MaxValue);
                if (rows != size) return RequestErrors.RowMismatch(signature, size, rows);
                continue;
            }

            var actual = shape[given++];
            if (signature.Shape[axis].Size is { } expected && expected != actual)
                return RequestErrors.WrongDimension(signature, shape, axis, actual, expected, leavesOut);
            if (!sizes.IsEmpty) sizes[used++] = actual;
        }

        return null;
    }
}
