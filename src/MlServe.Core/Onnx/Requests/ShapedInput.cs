using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Holds a shape that the caller gave against the model's.</summary>
internal static class ShapedInput
{
    /// <param name="signature">The input that it is given for.</param>
    /// <param name="shape">The shape that the caller gave.</param>
    /// <param name="length">The number of elements.</param>
    /// <param name="isRow">Whether shapes leave out the batch axis.</param>
    /// <param name="isBatchable">Whether the model has a batch axis; one without takes a row as its first axis of size 1.</param>
    /// <param name="rows">The number of rows, -1 as long as nobody has said it.</param>
    /// <param name="sizes">Takes the sizes without the batch axis; empty if they are not wanted.</param>
    /// <param name="used">How many were written.</param>
    public static PredictionError? Check(
        ValueSignature signature, long[] shape, long length, bool isRow, bool isBatchable, ref int rows, Span<long> sizes, out int used)
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
        var isOneOfOne = isRow && !isBatchable && shape.Length == signature.Shape.Count - 1 && signature.Shape[0].Size is null or 1;
        if (shape.Length != signature.Shape.Count - (leavesOut || isOneOfOne ? 1 : 0))
            return RequestErrors.WrongRank(signature, shape, leavesOut);

        var given = 0;
        for (var axis = 0; axis < signature.Shape.Count; axis++)
        {
            if (isOneOfOne && axis == 0)
            {
                if (!sizes.IsEmpty) sizes[used++] = 1;
                continue;
            }

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
