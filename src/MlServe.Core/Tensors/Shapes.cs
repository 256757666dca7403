using System.Globalization;

namespace MlServe.Tensors;

/// <summary>Arithmetic on shapes: sizes in elements, one axis more or less.</summary>
internal static class Shapes
{
    /// <summary>
    /// The number of elements, 1 for a scalar; -1 if a dimension is negative or the product leaves <see cref="long"/>.
    /// </summary>
    public static long Count(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (var size in shape)
        {
            if (size < 0) return -1;
            count = Math.BigMul(count, size, out var low) == 0 && low >= 0 ? low : -1;
            if (count < 0) return -1;
        }

        return count;
    }

    /// <summary>The number of elements before <paramref name="axis"/>: how many separate blocks the rows of that axis lie in.</summary>
    public static long CountBefore(ReadOnlySpan<long> shape, int axis) => Count(shape[..axis]);

    /// <summary>The number of elements behind <paramref name="axis"/>: how many lie together for one index of it.</summary>
    public static long CountAfter(ReadOnlySpan<long> shape, int axis) => Count(shape[(axis + 1)..]);

    public static long[] Without(ReadOnlySpan<long> shape, int axis)
    {
        var result = new long[shape.Length - 1];
        shape[..axis].CopyTo(result);
        shape[(axis + 1)..].CopyTo(result.AsSpan(axis));
        return result;
    }

    public static string Format(ReadOnlySpan<long> shape)
    {
        var parts = new string[shape.Length];
        for (var i = 0; i < shape.Length; i++)
            parts[i] = shape[i] < 0 ? "?" : shape[i].ToString(CultureInfo.InvariantCulture);
        return $"[{string.Join(',', parts)}]";
    }
}
