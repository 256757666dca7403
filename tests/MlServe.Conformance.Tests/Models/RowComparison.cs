using MlServe.Tensors;
using Xunit;

namespace MlServe.Models;

/// <summary>Compares a row that was run alone with the same row among others.</summary>
internal static class RowComparison
{
    // What the probe allows: kernels for other sizes add in another order.
    private const float Tolerance = 1e-4f;

    public static void AssertRow(PredictionOutput alone, PredictionOutput together, int axis, int row)
    {
        if (together.Kind == ValueKind.Sequence)
        {
            Assert.Equal(alone.ToDictionary<long, float>(), together[row].ToDictionary<long, float>());
            return;
        }

        var shape = together.Shape.ToArray();
        Assert.Equal([.. shape[..axis], .. shape[(axis + 1)..]], alone.Shape.ToArray());
        if (together.ElementType == ElementType.Int64)
        {
            Assert.Equal(RowOf(together.AsSpan<long>(), shape, axis, row), alone.ToArray<long>());
            return;
        }

        var expected = RowOf(together.AsSpan<float>(), shape, axis, row);
        var actual = alone.AsSpan<float>();
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= Tolerance * Math.Max(1, Math.Abs(expected[i])),
                $"row {row} [{i}]: {actual[i]} alone, {expected[i]} together");
    }

    private static T[] RowOf<T>(ReadOnlySpan<T> values, long[] shape, int axis, int row)
    {
        var behind = 1;
        foreach (var size in shape.AsSpan(axis + 1))
            behind *= (int)size;
        var block = (int)shape[axis] * behind;
        var result = new List<T>();
        for (var start = row * behind; start < values.Length; start += block)
            result.AddRange(values.Slice(start, behind));
        return [.. result];
    }
}
