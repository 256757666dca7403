namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>How large the integers of weights may be.</summary>
internal static class WeightLimits
{
    /// <summary>
    /// The largest magnitude for a processor: 127, and 64 if pairs of products are added up in 16 bits with saturation (x86 without
    /// VNNI). ARM has U8S8 kernels as well as S8S8, and DynamicQuantizeLinear makes unsigned activations only, so that ARM differs in
    /// nothing here.
    /// </summary>
    public static int For(CpuTarget target) => target == CpuTarget.X86 ? 64 : 127;
}
