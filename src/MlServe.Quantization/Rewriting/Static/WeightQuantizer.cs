namespace MlServe.Quantization.Rewriting.Static;

/// <summary>Rounds weights to signed integers, symmetric about 0, with one scale or one for each channel.</summary>
internal static class WeightQuantizer
{
    /// <summary>The greatest magnitude of each channel along an axis.</summary>
    public static float[] Magnitudes(ReadOnlySpan<float> values, ReadOnlySpan<int> shape, int axis)
    {
        var (channels, inner) = (shape[axis], InnerOf(shape, axis));
        var magnitudes = new float[channels];
        for (int start = 0, channel = 0; start < values.Length; start += inner, channel = channel + 1 == channels ? 0 : channel + 1)
        {
            var max = magnitudes[channel];
            foreach (var value in values.Slice(start, inner))
                max = MathF.Max(max, MathF.Abs(value));
            magnitudes[channel] = max;
        }

        return magnitudes;
    }

    /// <summary>Rounds to the nearest integer, halves to the even one.</summary>
    /// <param name="values">The weights.</param>
    /// <param name="shape">Their shape.</param>
    /// <param name="axis">The axis of the channels.</param>
    /// <param name="scales">One scale, or one for each channel.</param>
    /// <param name="high">The greatest integer.</param>
    public static sbyte[] Quantize(ReadOnlySpan<float> values, ReadOnlySpan<int> shape, int axis, ReadOnlySpan<float> scales, int high)
    {
        var (channels, inner) = (shape[axis], InnerOf(shape, axis));
        var integers = new sbyte[values.Length];
        for (int start = 0, channel = 0; start < values.Length; start += inner, channel = channel + 1 == channels ? 0 : channel + 1)
        {
            var scale = scales.Length == 1 ? scales[0] : scales[channel];
            for (var i = start; i < start + inner; i++)
                integers[i] = (sbyte)Math.Clamp(MathF.Round(values[i] / scale), -high, high);
        }

        return integers;
    }

    public static int InnerOf(ReadOnlySpan<int> shape, int axis)
    {
        var inner = 1;
        foreach (var size in shape[(axis + 1)..])
            inner *= size;
        return inner;
    }
}
