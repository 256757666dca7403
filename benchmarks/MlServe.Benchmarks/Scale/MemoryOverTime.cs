using System.Diagnostics;
using System.Globalization;
using System.Text;
using MlServe.Benchmarks.Plots;

namespace MlServe.Benchmarks.Scale;

/// <summary>Samples this process's memory from its making on.</summary>
internal sealed class MemoryOverTime : IDisposable
{
    private const double MiB = 1024 * 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly List<(double Seconds, double WorkingSet, double Heap)> _samples = [];
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly Timer _timer;

    public MemoryOverTime() => _timer = new(_ => Take(), null, TimeSpan.Zero, Interval);

    /// <summary>The working set now, in MiB.</summary>
    public static double WorkingSet
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.WorkingSet64 / MiB;
        }
    }

    /// <summary>Writes the samples as <c>memory.csv</c>, and draws them as <c>memory.png</c>.</summary>
    public void Write(string folder, string title)
    {
        (double Seconds, double WorkingSet, double Heap)[] samples;
        lock (_samples)
            samples = [.. _samples];
        var text = new StringBuilder("seconds,working_set_mib,managed_heap_mib\n");
        foreach (var (seconds, workingSet, heap) in samples)
            text.Append(CultureInfo.InvariantCulture, $"{seconds:0.00},{workingSet:0.0},{heap:0.0}\n");
        File.WriteAllText(Path.Combine(folder, "memory.csv"), text.ToString());

        var plot = PlotStyle.Create($"Memory over time: {title}", "seconds from the start", "MiB");
        double[] times = [.. samples.Select(static sample => sample.Seconds)];
        PlotStyle.AddLine(plot, "working set", times, [.. samples.Select(static sample => sample.WorkingSet)], 0, hasMarkers: false);
        PlotStyle.AddLine(plot, "managed heap", times, [.. samples.Select(static sample => sample.Heap)], 1, hasMarkers: false);
        plot.Axes.SetLimitsY(0, 1.1 * samples.Max(static sample => sample.WorkingSet));
        PlotStyle.Save(plot, Path.Combine(folder, "memory.png"), null);
    }

    public void Dispose() => _timer.Dispose();

    private void Take()
    {
        var sample = (Stopwatch.GetElapsedTime(_started).TotalSeconds, WorkingSet, GC.GetTotalMemory(forceFullCollection: false) / MiB);
        lock (_samples)
            _samples.Add(sample);
    }
}
