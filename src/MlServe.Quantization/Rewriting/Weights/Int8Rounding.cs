using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>
/// Signed integers around zero with one scale for each row or column of a matrix, or for all of it. Halves go to the even neighbour.
/// </summary>
internal static class Int8Rounding
{
    private const float SmallestNormal = 1.17549435e-38f;

    /// <summary>A scale for each row; NaN or infinite if one of its values is.</summary>
    public static float[] ScalesOfRows(ReadOnlySpan<float> values, int rows, int columns, int limit)
    {
        var scales = new float[rows];
        for (var row = 0; row < rows; row++)
            scales[row] = ScaleOf(Math.Abs(TensorPrimitives.MaxMagnitude(values.Slice(row * columns, columns))), limit);
        return scales;
    }

    /// <summary>A scale for each column; NaN or infinite if one of its values is.</summary>
    public static float[] ScalesOfColumns(ReadOnlySpan<float> values, int rows, int columns, int limit)
    {
        var scales = new float[columns];
        for (var row = 0; row < rows; row++)
            TensorPrimitives.MaxMagnitude(scales, values.Slice(row * columns, columns), scales);
        for (var column = 0; column < columns; column++)
            scales[column] = ScaleOf(Math.Abs(scales[column]), limit);
        return scales;
    }

    public static void Round(ReadOnlySpan<float> values, float scale, Span<sbyte> target)
    {
        var done = 0;
        var divisor = new Vector<float>(scale);
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        foreach (ref var result in MemoryMarshal.Cast<sbyte, Vector<sbyte>>(target))
        {
            var at = done / Vector<float>.Count;
            result = Narrow(vectors[at] / divisor, vectors[at + 1] / divisor, vectors[at + 2] / divisor, vectors[at + 3] / divisor);
            done += Vector<sbyte>.Count;
        }

        for (; done < values.Length; done++)
            target[done] = (sbyte)MathF.Round(values[done] / scale);
    }

    public static void Round(ReadOnlySpan<float> values, ReadOnlySpan<float> scales, Span<sbyte> target)
    {
        var done = 0;
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var divisors = MemoryMarshal.Cast<float, Vector<float>>(scales);
        foreach (ref var result in MemoryMarshal.Cast<sbyte, Vector<sbyte>>(target))
        {
            var at = done / Vector<float>.Count;
            result = Narrow(
                vectors[at] / divisors[at], vectors[at + 1] / divisors[at + 1], vectors[at + 2] / divisors[at + 2],
                vectors[at + 3] / divisors[at + 3]);
            done += Vector<sbyte>.Count;
        }

        for (; done < values.Length; done++)
            target[done] = (sbyte)MathF.Round(values[done] / scales[done]);
    }

    private static float ScaleOf(float largest, int limit)
    {
        var scale = largest / limit;
        return scale < SmallestNormal ? 1 : scale;
    }

    private static Vector<sbyte> Narrow(Vector<float> first, Vector<float> second, Vector<float> third, Vector<float> fourth) =>
        Vector.Narrow(
            Vector.Narrow(Vector.ConvertToInt32(Vector.Round(first)), Vector.ConvertToInt32(Vector.Round(second))),
            Vector.Narrow(Vector.ConvertToInt32(Vector.Round(third)), Vector.ConvertToInt32(Vector.Round(fourth))));
}
