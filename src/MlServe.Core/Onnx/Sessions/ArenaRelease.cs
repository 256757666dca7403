using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Gives back what large runs have left in a session's arena. The runtime frees regions that nothing lies in if a run asks for it, but
/// never the first one, which is 1 MiB or as large as the weights. Its free pages are given back by taking them as blocks.
/// </summary>
internal static class ArenaRelease
{
    private const long SmallestBlock = 64 * 1024;
    private const long FirstRegion = 1024 * 1024;
    private const int BlocksPerSize = 2;
    private const string ArenaShrinkage = "memory.enable_memory_arena_shrinkage";

    /// <summary>Options of a run at whose end the arena lets go of regions that nothing lies in.</summary>
    public static RunOptions NewOptions()
    {
        var options = new RunOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        options.AddRunConfigEntry(ArenaShrinkage, "cpu:0");
        return options;
    }

    /// <summary>
    /// Gives back free pages of the arena's first region. Sizes are halved from the largest that may fit, so that little stays between
    /// them. Blocks that found no room there make a region of their own: a run with <see cref="NewOptions"/> has to follow.
    /// </summary>
    /// <param name="session">The session.</param>
    /// <param name="weightBytes">The bytes of the model's weights.</param>
    public static void ForgetFreePages(InferenceSession session, long weightBytes)
    {
        if (!OperatingSystem.IsLinux()) return;

        // A value goes back through its allocator, which therefore ends last.
        using var allocator = new OrtAllocator(session, OrtMemoryInfo.DefaultInstance);
        var values = new List<OrtValue>();
        try
        {
            var largest = (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(FirstRegion, weightBytes)) / 2;
            for (var size = largest; size >= SmallestBlock; size /= 2)
            {
                for (var i = 0; i < BlocksPerSize; i++)
                    values.Add(OrtValue.CreateAllocatedTensorValue(allocator, TensorElementType.UInt8, [size]));
            }
        }
        catch (Exception exception) when (OrtErrors.IsFromRuntime(exception))
        {
            // There is no memory for more blocks: those that were had are given back.
        }
        finally
        {
            foreach (var value in values)
            {
                if (value.GetTensorSizeInBytes() <= int.MaxValue) NativeHeap.Forget(value.GetTensorMutableRawData());
                value.Dispose();
            }
        }
    }
}
