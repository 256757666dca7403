using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace MlServe.Quantization.Runtime;

/// <summary>The processor's abilities with integers of 8 bits.</summary>
internal static class Processor
{
    /// <summary>The target that stands for this processor.</summary>
    public static CpuTarget Current { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.Arm or Architecture.Arm64 => CpuTarget.Arm,
        _ => HasVnni() ? CpuTarget.X86Vnni : CpuTarget.X86,
    };

    public static CpuTarget Resolve(CpuTarget target) => target == CpuTarget.Auto ? Current : target;

    // Intel's Software Developer's Manual, CPUID leaf 7: AVX512_VNNI is bit 11 of ECX in subleaf 0, AVX_VNNI bit 4 of EAX in subleaf 1. AVX
    // itself tells whether the operating system keeps the wide registers.
    private static bool HasVnni()
    {
        if (!X86Base.IsSupported || !Avx2.IsSupported) return false;
        var (maxLeaf, _, _, _) = X86Base.CpuId(0, 0);
        if (maxLeaf < 7) return false;
        var (maxSubleaf, _, ecx, _) = X86Base.CpuId(7, 0);
        if (Avx512F.IsSupported && (ecx & (1 << 11)) != 0) return true;
        return maxSubleaf >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 4)) != 0;
    }
}
