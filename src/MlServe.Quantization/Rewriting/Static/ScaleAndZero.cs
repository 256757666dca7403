namespace MlServe.Quantization.Rewriting.Static;

/// <summary>How floats stand for integers: <c>x = Scale * (q - Zero)</c>.</summary>
internal readonly record struct ScaleAndZero(float Scale, int Zero)
{
    /// <summary>The least normal float. Below it a scale loses digits.</summary>
    public const float MinScale = 1.17549435e-38f;

    /// <summary>
    /// The scale and zero point that spread a range over all integers from <paramref name="low"/> to <paramref name="high"/>; 0 is always
    /// exact.
    /// </summary>
    public static ScaleAndZero OfRange(TensorRange range, int low, int high)
    {
        var min = Math.Min(range.Min, 0d);
        var max = Math.Max(range.Max, 0d);
        var scale = (max - min) / (high - low);

        // Where nothing but 0 was seen, the lowest integer stands for 0, so that a Relu that was folded into the range still holds.
        if ((float)scale < MinScale) return new(1, low);
        var zero = (int)Math.Clamp(Math.Round(low - (min / scale)), low, high);
        return new((float)scale, zero);
    }

    /// <summary>The scale that spreads weights from -max to max over -high to high.</summary>
    public static float OfMagnitude(float max, int high)
    {
        var scale = (float)((double)max / high);
        return scale < MinScale ? 1 : scale;
    }
}
