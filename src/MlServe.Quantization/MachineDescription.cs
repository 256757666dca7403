using MlServe.Quantization.Runtime;

namespace MlServe.Quantization;

/// <summary>On what a model was measured.</summary>
public sealed record MachineDescription
{
    /// <summary>The processor's name as it gives it.</summary>
    public required string Processor { get; init; }

    /// <summary>The kind of processor, which decides the types of activations and weights.</summary>
    public required CpuTarget Target { get; init; }

    /// <summary>Processors that the process may use.</summary>
    public required int Cores { get; init; }

    /// <summary>Threads that worked on one operator.</summary>
    public required int Threads { get; init; }

    /// <summary>The version of ONNX Runtime.</summary>
    public required string RuntimeVersion { get; init; }

    /// <summary>The operating system.</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>
    /// Operations on 8-bit integers that one core has made in a second at most, in thousand millions (GOP/s). A multiplication and an
    /// addition are counted as two. Null if it was not measured.
    /// </summary>
    public double? IntegerPeak { get; init; }

    /// <summary>As <see cref="IntegerPeak"/>, on FP32 numbers (GFLOP/s).</summary>
    public double? FloatPeak { get; init; }

    /// <summary>
    /// Whether speed is measured by the time of the thread, so that a busy machine matters little. False if only the wall clock can be
    /// read.
    /// </summary>
    public static bool IsThreadTimeMeasured => ThreadClock.IsAvailable;

    /// <summary>Describes this machine, and measures what one core can compute: takes about a second the first time.</summary>
    /// <param name="threads">Threads that are to work on one operator, 1 or more.</param>
    /// <exception cref="ModelLoadException">The native runtime cannot be loaded.</exception>
    public static MachineDescription OfThisMachine(int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return Machine.Describe(threads);
    }
}
