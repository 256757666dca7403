namespace MlServe.Quantization.Rewriting.Static;

/// <summary>Chooses the scales of weights.</summary>
internal static class WeightScales
{
    // A bias is added to a sum of products in 32 bits: half of them are left to the sum.
    private const double MaxBias = 1 << 30;

    // How finely the bias of a channel is rounded whose weights are all 0.
    private const double DeadChannelSteps = 1 << 24;

    // The power of what is rounded off, one scale for all against one for each channel: 1 dB.
    private const double MaxNoise = 1.26;

    /// <summary>
    /// One scale in place of those of the channels of a Gemm if it serves about as well, because they are about as wide. ONNX Runtime then
    /// has one zero point for all weights. Its integer Gemm was 1.14 to 1.16 times as fast at one row (1.31.1, AVX512-VNNI, one thread, MLP
    /// 1024-4096-4096-1024).
    /// </summary>
    public static float[] Shared(ComputeNode compute, float[] scales)
    {
        if (compute.Node.OpType != "Gemm") return scales;
        var widest = scales.Max();
        return (double)widest * widest <= MaxNoise * scales.Average(static scale => (double)scale * scale) ? [widest] : scales;
    }

    /// <summary>A scale for each channel, or one for all.</summary>
    /// <param name="magnitudes">The greatest magnitude of each channel's weights.</param>
    /// <param name="biases">The bias of each channel; null: none.</param>
    /// <param name="input">The scale of the activations that the weights are multiplied with.</param>
    /// <param name="perChannel">Whether each channel has its own.</param>
    /// <param name="high">The greatest integer of a weight.</param>
    public static float[] Of(float[] magnitudes, float[]? biases, float input, bool perChannel, int high)
    {
        if (!perChannel)
        {
            magnitudes = [magnitudes.Max()];
            biases = biases is null ? null : [biases.Max(MathF.Abs)];
        }

        var scales = new float[magnitudes.Length];
        for (var i = 0; i < scales.Length; i++)
        {
            scales[i] = ScaleAndZero.OfMagnitude(magnitudes[i], high);
            var bias = biases is null ? 0 : MathF.Abs(biases[i]);
            if (bias == 0) continue;

            // Weights of 0 take any scale: one that keeps the bias exact. A bias that would not fit 32 bits asks for a coarser one.
            var least = bias / ((double)input * (magnitudes[i] == 0 ? DeadChannelSteps : MaxBias));
            if (magnitudes[i] == 0 || scales[i] < least) scales[i] = Math.Max((float)least, ScaleAndZero.MinScale);
        }

        return scales;
    }
}
