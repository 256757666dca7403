using System.Diagnostics;

namespace MlServe.Benchmarks.Load;

/// <summary>The process's memory at a quiet moment, in bytes.</summary>
/// <param name="Heap">What is alive on the managed heap.</param>
/// <param name="WorkingSet">All that the process holds, native memory of the model among it.</param>
internal readonly record struct MemorySample(long Heap, long WorkingSet)
{
    private const double Megabyte = 1024 * 1024;
    private const double Share = 1.05;
    private const long Slack = 8 * 1024 * 1024;
    private const long Rise = 128 * 1024;

    /// <summary>Collects all garbage and looks.</summary>
    public static MemorySample Take()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return new(GC.GetTotalMemory(forceFullCollection: false), process.WorkingSet64);
    }

    /// <summary>
    /// What is wrong with the samples of a run, or null where memory is flat: neither heap nor working set has grown by more than 5 % and 8
    /// MB, and the heap has not risen by 128 KB or more from every sample to the next.
    /// </summary>
    public static string? ProblemOf(IReadOnlyList<MemorySample> samples)
    {
        if (samples.Count < 2) return null;
        var (first, last) = (samples[0], samples[^1]);
        if (last.Heap > (first.Heap * Share) + Slack)
            return $"the heap grew from {first.Heap / Megabyte:0.0} to {last.Heap / Megabyte:0.0} MB";
        if (last.WorkingSet > (first.WorkingSet * Share) + Slack)
            return $"the working set grew from {first.WorkingSet / Megabyte:0.0} to {last.WorkingSet / Megabyte:0.0} MB";
        if (samples.Count >= 4 && samples.Zip(samples.Skip(1)).All(static pair => pair.Second.Heap - pair.First.Heap >= Rise))
            return $"the heap rose in every step, from {first.Heap / Megabyte:0.0} to {last.Heap / Megabyte:0.0} MB";
        return null;
    }
}
