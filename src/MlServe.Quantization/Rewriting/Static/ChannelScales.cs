namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// How a value is rounded with a scale of its own for each channel although the integer operator beside it knows one scale for all. The
/// operator's weights and bias take in the difference.
/// </summary>
/// <param name="Scales">The scale of each channel.</param>
/// <param name="Zeros">The zero point of each channel.</param>
/// <param name="Tensor">The scale and zero point that the integer operator is told.</param>
internal sealed record ChannelScales(float[] Scales, int[] Zeros, ScaleAndZero Tensor)
{
    private const double Exponent = 0.5;
    private const double LeastShare = 1e-3;

    /// <summary>By how much a channel is larger than the operator is told.</summary>
    public double Factor(int channel) => (double)Scales[channel] / Tensor.Scale;

    /// <summary>The distance between a channel's zero and the operator's, in the operator's units.</summary>
    public double Shift(int channel) => (Zeros[channel] - Tensor.Zero) * (double)Tensor.Scale;

    /// <summary>Each channel spread over all integers.</summary>
    public static ChannelScales OfOutput(TensorRange[] ranges, int low, int high)
    {
        var each = ranges.Select(range => ScaleAndZero.OfRange(range, low, high)).ToArray();
        var scale = Widest(ranges) is > 0 and var widest ? ScaleAndZero.OfRange(new(0, widest), low, high).Scale : 1;

        // A channel that was never seen to differ from 0 has no range to go by.
        float[] scales = [.. ranges.Select((range, channel) => IsFlat(range) ? scale : each[channel].Scale)];
        return new(scales, [.. each.Select(static pair => pair.Zero)], new(scale, low + ((high - low + 1) / 2)));
    }

    /// <summary>
    /// Channels moved towards one range, half way as in SmoothQuant (G. Xiao et al., 2022): the weights that take up the rest are rounded
    /// as well, and one scale serves all inputs of an output.
    /// </summary>
    /// <param name="ranges">The range of each channel.</param>
    /// <param name="sameZero">Whether all channels need one zero, because the operator pads with it.</param>
    /// <param name="low">The least integer.</param>
    /// <param name="high">The greatest integer.</param>
    public static ChannelScales OfInput(TensorRange[] ranges, bool sameZero, int low, int high)
    {
        var all = new TensorRange(ranges.Min(static range => Math.Min(range.Min, 0)), ranges.Max(static range => Math.Max(range.Max, 0)));
        var tensor = sameZero ? ScaleAndZero.OfRange(all, low, high) : ScaleAndZero.OfRange(new(0, Widest(ranges)), low, high);
        var scales = new float[ranges.Length];
        var zeros = new int[ranges.Length];
        for (var channel = 0; channel < ranges.Length; channel++)
        {
            var (min, max) = (Math.Min(ranges[channel].Min, 0), Math.Max(ranges[channel].Max, 0));
            var share = sameZero ? Math.Max(Share(max, all.Max), Share(min, all.Min)) : Share(max - min, Widest(ranges));
            scales[channel] = (float)(tensor.Scale * Math.Pow(Math.Max(share, LeastShare), Exponent));
            zeros[channel] = sameZero ? tensor.Zero : (int)Math.Clamp(Math.Round(low - (min / (double)scales[channel])), low, high);
        }

        return new(scales, zeros, tensor);
    }

    private static bool IsFlat(TensorRange range) => range.Min >= 0 && range.Max <= 0;

    private static float Widest(TensorRange[] ranges) => ranges.Max(static range => Math.Max(range.Max, 0) - Math.Min(range.Min, 0));

    private static double Share(float part, float whole) => whole == 0 ? 0 : part / (double)whole;
}
