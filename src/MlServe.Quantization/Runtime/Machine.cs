using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using MlServe.Onnx;

namespace MlServe.Quantization.Runtime;

/// <summary>Describes the machine that measures.</summary>
internal static class Machine
{
    public static MachineDescription Describe(int threads) => new()
    {
        Processor = ProcessorName(),
        Target = Processor.Current,
        Cores = Environment.ProcessorCount,
        Threads = threads,
        RuntimeVersion = OnnxRuntimeEnvironment.Start(),
        IntegerPeak = CorePeak.Integer,
        FloatPeak = CorePeak.Float,
        OperatingSystem = RuntimeInformation.OSDescription,
    };

    // Intel's Software Developer's Manual, CPUID leaves 80000002H to 80000004H: the brand string, 48 bytes.
    private static string ProcessorName()
    {
        const int First = unchecked((int)0x80000002);
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < 0x80000004)
            return RuntimeInformation.ProcessArchitecture.ToString();
        Span<int> words = stackalloc int[12];
        for (var leaf = 0; leaf < 3; leaf++)
            (words[leaf * 4], words[(leaf * 4) + 1], words[(leaf * 4) + 2], words[(leaf * 4) + 3]) = X86Base.CpuId(First + leaf, 0);
        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words)).TrimEnd('\0', ' ').Trim();
    }
}
