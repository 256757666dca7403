using System.Numerics;
using System.Numerics.Tensors;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Compares answers: a row run alone against the same row run in company.</summary>
internal static class RowAgreement
{
    /// <summary>Differences up to this share of the larger value, or this much absolutely, are rounding: kernels for other sizes add in another order.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Finds the axis along which an output of two rows is twice that of one; null where there is none.</summary>
    public static int? FindAxis(OutputValue one, OutputValue two)
    {
        if (one.Kind != two.Kind || one.ElementType != two.ElementType) return null;
        if (one.Kind == ValueKind.Sequence) return one.Length == 1 && two.Length == 2 ? 0 : null;
        if (one.Kind != ValueKind.Tensor || one.Rank != two.Rank) return null;

        int? found = null;
        for (var axis = 0; axis < one.Rank; axis++)
        {
            if (one.Shape[axis] == two.Shape[axis]) continue;
            if (found is not null || one.Shape[axis] != 1 || two.Shape[axis] != 2) return null;
            found = axis;
        }

        return found;
    }

    /// <summary>The greatest difference between a row of a pair and the same row alone; infinite where they cannot be compared.</summary>
    public static double Difference(OutputValue alone, OutputValue pair, int axis, int row)
    {
        if (pair.Kind == ValueKind.Sequence) return DifferenceOf(alone.Children[0], pair.Children[row]);
        return alone.ElementType switch
        {
            ElementType.Float => Compare<float>(alone, pair, axis, row),
            ElementType.Double => Compare<double>(alone, pair, axis, row),
            ElementType.Float16 => Compare<Half>(alone, pair, axis, row),
            ElementType.BFloat16 => CompareBytes(alone, pair, axis, row, static (a, b) => Difference((float)BFloat16.FromBits(a), BFloat16.FromBits(b))),
            ElementType.String => CompareStrings(alone, pair, axis, row),
            _ => CompareExactly(alone, pair, axis, row),
        };
    }

    /// <summary>The largest magnitude in a tensor of floats; 1 for all else.</summary>
    public static double Magnitude(OutputValue value) => value switch
    {
        { Kind: ValueKind.Tensor, ElementType: ElementType.Float, Length: > 0 } => Math.Abs(TensorPrimitives.MaxMagnitude<float>(value.Span<float>())),
        { Kind: ValueKind.Tensor, ElementType: ElementType.Double, Length: > 0 } => Math.Abs(TensorPrimitives.MaxMagnitude<double>(value.Span<double>())),
        _ => 1,
    };

    private static double DifferenceOf(OutputValue left, OutputValue right)
    {
        if (left.Kind != right.Kind || left.ElementType != right.ElementType || left.Length != right.Length) return double.PositiveInfinity;
        if (left.Kind == ValueKind.Map)
            return Math.Max(DifferenceOf(left.Children[0], right.Children[0]), DifferenceOf(left.Children[1], right.Children[1]));
        if (left.Kind != ValueKind.Tensor) return double.PositiveInfinity;
        return left.ElementType switch
        {
            ElementType.Float => Largest(left.Span<float>(), right.Span<float>()),
            ElementType.Double => Largest(left.Span<double>(), right.Span<double>()),
            ElementType.String => left.Strings.SequenceEqual(right.Strings) ? 0 : double.PositiveInfinity,
            _ => left.Bytes.SequenceEqual(right.Bytes) ? 0 : double.PositiveInfinity,
        };
    }

    private static double Compare<T>(OutputValue alone, OutputValue pair, int axis, int row)
        where T : unmanaged, INumber<T> => Largest<T>(alone.Span<T>(), RowOf<T>(pair.Span<T>(), pair, axis, row));

    private static double CompareBytes(OutputValue alone, OutputValue pair, int axis, int row, Func<ushort, ushort, double> difference)
    {
        var expected = alone.Span<ushort>();
        var actual = RowOf<ushort>(pair.Span<ushort>(), pair, axis, row);
        var largest = 0.0;
        for (var i = 0; i < actual.Length; i++)
            largest = Math.Max(largest, difference(expected[i], actual[i]));
        return largest;
    }

    private static double CompareStrings(OutputValue alone, OutputValue pair, int axis, int row) =>
        RowOf<string>(pair.Strings, pair, axis, row).AsSpan().SequenceEqual(alone.Strings) ? 0 : double.PositiveInfinity;

    private static double CompareExactly(OutputValue alone, OutputValue pair, int axis, int row)
    {
        var size = ElementTypes.SizeOf(pair.ElementType);
        var rowLength = (int)Shapes.CountAfter(pair.Shape, axis) * size;
        var blocks = (int)Shapes.CountBefore(pair.Shape, axis);
        var actual = new byte[blocks * rowLength];
        RowCopy.Copy(pair.Bytes, 2, row, actual.AsSpan(), 1, 0, 1, blocks, rowLength);
        return alone.Bytes.SequenceEqual(actual) ? 0 : double.PositiveInfinity;
    }

    private static T[] RowOf<T>(ReadOnlySpan<T> values, OutputValue pair, int axis, int row)
    {
        var rowLength = (int)Shapes.CountAfter(pair.Shape, axis);
        var blocks = (int)Shapes.CountBefore(pair.Shape, axis);
        var result = new T[blocks * rowLength];
        RowCopy.Copy(values, 2, row, result.AsSpan(), 1, 0, 1, blocks, rowLength);
        return result;
    }

    private static double Largest<T>(ReadOnlySpan<T> left, ReadOnlySpan<T> right)
        where T : unmanaged, INumber<T>
    {
        var largest = 0.0;
        for (var i = 0; i < left.Length; i++)
            largest = Math.Max(largest, Difference(double.CreateSaturating(left[i]), double.CreateSaturating(right[i])));
        return largest;
    }

    /// <summary>The difference in shares of the larger value, absolute below 1.</summary>
    private static double Difference(double left, double right)
    {
        if (left.Equals(right)) return 0;
        var difference = Math.Abs(left - right) / Math.Max(1, Math.Max(Math.Abs(left), Math.Abs(right)));
        return double.IsNaN(difference) ? double.PositiveInfinity : difference;
    }
}
