namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>A matrix of integers with a scale for each of its channels.</summary>
/// <param name="Values">The integers.</param>
/// <param name="Scales">A scale for each channel, or only one.</param>
internal sealed record Int8Matrix(sbyte[] Values, float[] Scales)
{
    /// <summary>Whether all weights were numbers.</summary>
    public bool IsFinite => Scales.All(float.IsFinite);

    /// <summary>Rounds a matrix whose channels are its rows. The caller asks <see cref="IsFinite"/> before using it.</summary>
    public static Int8Matrix OfRows(ReadOnlySpan<float> values, int rows, int columns, int limit, bool perChannel)
    {
        if (!perChannel) (rows, columns) = (1, values.Length);
        var scales = Int8Rounding.ScalesOfRows(values, rows, columns, limit);
        var result = new sbyte[values.Length];
        if (!scales.All(float.IsFinite)) return new(result, scales);
        for (var row = 0; row < rows; row++)
            Int8Rounding.Round(values.Slice(row * columns, columns), scales[row], result.AsSpan(row * columns, columns));
        return new(result, scales);
    }

    /// <summary>Rounds a matrix whose channels are its columns. The caller asks <see cref="IsFinite"/> before using it.</summary>
    public static Int8Matrix OfColumns(ReadOnlySpan<float> values, int rows, int columns, int limit, bool perChannel)
    {
        if (!perChannel) return OfRows(values, 1, values.Length, limit, perChannel: true);
        var scales = Int8Rounding.ScalesOfColumns(values, rows, columns, limit);
        var result = new sbyte[values.Length];
        if (!scales.All(float.IsFinite)) return new(result, scales);
        for (var row = 0; row < rows; row++)
            Int8Rounding.Round(values.Slice(row * columns, columns), scales, result.AsSpan(row * columns, columns));
        return new(result, scales);
    }
}
