using System.Numerics;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// Compares answers: a row run alone against the same row run in company, and two rows with each other. An element that is finite in
/// neither says nothing; one that is finite in one of them alone is infinitely far off. Integers, booleans and texts are alike or
/// infinitely far off.
/// </summary>
internal static class RowAgreement
{
    /// <summary>
    /// Finds the axis on which an output of several rows is as long as there are rows, and that of one row is 1. Null if there is none.
    /// </summary>
    public static int? FindAxis(OutputValue one, OutputValue many, int rows)
    {
        if (one.Kind != many.Kind || one.ElementType != many.ElementType) return null;
        if (one.Kind == ValueKind.Sequence) return one.Length == 1 && many.Length == rows ? 0 : null;
        if (one.Kind != ValueKind.Tensor || one.Rank != many.Rank) return null;

        int? found = null;
        for (var axis = 0; axis < one.Rank; axis++)
        {
            if (one.Shape[axis] == many.Shape[axis]) continue;
            if (found is not null || one.Shape[axis] != 1 || many.Shape[axis] != rows) return null;
            found = axis;
        }

        return found;
    }

    /// <summary>The greatest difference between a row alone and the same row in company.</summary>
    public static double Difference(OutputValue alone, OutputValue company, int axis, int row) =>
        Compare(alone, company, axis, row, isSameRow: true);

    /// <summary>The greatest difference between two answers to the same row.</summary>
    public static double Difference(OutputValue first, OutputValue second) => Compare(first, second, -1, 0, isSameRow: true);

    /// <summary>The greatest difference between two rows' own answers; 0 if they cannot be told apart.</summary>
    public static double Distance(OutputValue left, OutputValue right) =>
        left.Kind != right.Kind || left.ElementType != right.ElementType || left.Length != right.Length
            ? double.PositiveInfinity
            : Compare(left, right, -1, 0, isSameRow: false);

    /// <summary>The largest finite number; 0 if there is none.</summary>
    public static double Magnitude(OutputValue value)
    {
        var largest = 0.0;
        if (value.Kind is ValueKind.Sequence or ValueKind.Map)
        {
            foreach (var child in value.Children)
                largest = Math.Max(largest, Magnitude(child));
            return largest;
        }

        if (!IsNumeric(value)) return 0;
        return value.ElementType switch
        {
            ElementType.Float => Largest<float>(value.Span<float>()),
            ElementType.Double => Largest<double>(value.Span<double>()),
            ElementType.Float16 => Largest<Half>(value.Span<Half>()),
            _ => Largest<float>(ToFloats(value.Span<ushort>())),
        };
    }

    /// <summary>Whether an output holds numbers that rounding can change.</summary>
    public static bool IsNumeric(OutputValue value) => value.Kind switch
    {
        ValueKind.Tensor => value.ElementType is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16,
        ValueKind.Sequence or ValueKind.Map => value.Children.Any(IsNumeric),
        _ => false,
    };

    /// <summary>The distance from 1 to the next number of the type that an output is made of.</summary>
    public static double Epsilon(OutputValue value) => value.ElementType switch
    {
        ElementType.Float16 => 1.0 / (1 << 10),
        ElementType.BFloat16 => 1.0 / (1 << 7),
        _ => 1.0 / (1 << 23),
    };

    private static double Compare(OutputValue alone, OutputValue other, int axis, int row, bool isSameRow)
    {
        if (other.Kind == ValueKind.Sequence && axis >= 0) return Compare(alone.Children[0], other.Children[row], -1, 0, isSameRow);
        if (alone.Kind != other.Kind || alone.ElementType != other.ElementType) return double.PositiveInfinity;
        if (alone.Kind is ValueKind.Sequence or ValueKind.Map) return CompareChildren(alone, other, isSameRow);
        if (alone.Kind != ValueKind.Tensor) return double.PositiveInfinity;

        var rows = axis < 0 ? 1 : (int)other.Shape[axis];
        var rowLength = axis < 0 ? other.Length : checked((int)Shapes.CountAfter(other.Shape, axis));
        var blocks = axis < 0 ? 1 : checked((int)Shapes.CountBefore(other.Shape, axis));
        if ((long)blocks * rowLength != alone.Length) return double.PositiveInfinity;

        var largest = 0.0;
        for (var block = 0; block < blocks; block++)
        {
            var from = ((block * rows) + row) * rowLength;
            largest = Math.Max(largest, CompareStretch(alone, block * rowLength, other, from, rowLength, isSameRow));
        }

        return largest;
    }

    private static double CompareChildren(OutputValue left, OutputValue right, bool isSameRow)
    {
        if (left.Children.Count != right.Children.Count) return double.PositiveInfinity;
        var largest = 0.0;
        for (var i = 0; i < left.Children.Count; i++)
            largest = Math.Max(largest, Compare(left.Children[i], right.Children[i], -1, 0, isSameRow));
        return largest;
    }

    private static double CompareStretch(OutputValue left, int leftFrom, OutputValue right, int rightFrom, int length, bool isSameRow)
    {
        switch (left.ElementType)
        {
            case ElementType.Float:
                return Greatest<float>(left.Span<float>().Slice(leftFrom, length), right.Span<float>().Slice(rightFrom, length), isSameRow);
            case ElementType.Double:
                return Greatest<double>(
                    left.Span<double>().Slice(leftFrom, length), right.Span<double>().Slice(rightFrom, length), isSameRow);
            case ElementType.Float16:
                return Greatest<Half>(left.Span<Half>().Slice(leftFrom, length), right.Span<Half>().Slice(rightFrom, length), isSameRow);
            case ElementType.BFloat16:
                return Greatest<float>(
                    ToFloats(left.Span<ushort>().Slice(leftFrom, length)), ToFloats(right.Span<ushort>().Slice(rightFrom, length)),
                    isSameRow);
            case ElementType.String:
                return left.Strings.Slice(leftFrom, length).SequenceEqual(right.Strings.Slice(rightFrom, length))
                    ? 0
                    : double.PositiveInfinity;
            default:
                var size = ElementTypes.SizeOf(left.ElementType);
                return left.Bytes.Slice(leftFrom * size, length * size).SequenceEqual(right.Bytes.Slice(rightFrom * size, length * size))
                    ? 0
                    : double.PositiveInfinity;
        }
    }

    private static double Greatest<T>(ReadOnlySpan<T> left, ReadOnlySpan<T> right, bool isSameRow)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Bit for bit the same is what most stretches are.
        if (isSameRow
            && System.Runtime.InteropServices.MemoryMarshal.AsBytes(left)
                .SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(right)))
            return 0;
        var greatest = 0.0;
        for (var i = 0; i < left.Length; i++)
        {
            var (isLeftFinite, isRightFinite) = (T.IsFinite(left[i]), T.IsFinite(right[i]));
            if (isLeftFinite && isRightFinite)
                greatest = Math.Max(greatest, Math.Abs(double.CreateSaturating(left[i]) - double.CreateSaturating(right[i])));
            else if (isSameRow && isLeftFinite != isRightFinite) return double.PositiveInfinity;
        }

        return greatest;
    }

    private static double Largest<T>(ReadOnlySpan<T> values)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var largest = 0.0;
        foreach (var value in values)
        {
            if (T.IsFinite(value)) largest = Math.Max(largest, Math.Abs(double.CreateSaturating(value)));
        }

        return largest;
    }

    private static float[] ToFloats(ReadOnlySpan<ushort> bits)
    {
        var values = new float[bits.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)BFloat16.FromBits(bits[i]);
        return values;
    }
}
