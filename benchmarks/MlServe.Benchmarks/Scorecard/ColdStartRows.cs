using System.Diagnostics;
using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>A process's first prediction against those after, and how long it takes to be ready, in fresh processes.</summary>
internal static class ColdStartRows
{
    public static readonly Claim FirstVsSteady = Claim.AtMost("coldstart.first_vs_steady", "ratio", 2);
    public static readonly Claim Ready = Claim.AtMost("coldstart.ready_ms", "ms", 1000);

    private const int Children = 11;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        Start();
        ColdStart[] starts = [.. Enumerable.Range(0, Children).Select(static _ => Start())];
        var steady = MedianEstimate.Of([.. starts.Select(static start => start.HundredthUs)]).Median;
        var first = MedianEstimate.Of([.. starts.Select(start => start.FirstUs / steady)]);
        var ready = MedianEstimate.Of([.. starts.Select(static start => start.ReadyMs)]);
        var evicted = MedianEstimate.Of([.. starts.Select(static start => start.EvictedUs)]).Median;
        yield return FirstVsSteady.Row(first, string.Create(
            CultureInfo.InvariantCulture,
            $"digits.onnx behind UseBatching in a host with a metrics listener, {Children} fresh processes; the first prediction after "
                + $"ready over the median of the hundredth, {steady:0} us; of the last one's {starts[^1].FirstUs:0} us, "
                + $"{starts[^1].CompilingUs:0} went to compiling {starts[^1].CompiledMethods} methods; a later prediction, before which "
                + $"64 MB of other memory were written, takes {evicted:0} us"));
        yield return Ready.Row(
            ready, FormattableString.Invariant($"the same processes; from before the process is started until its host is"));
    }

    private static ColdStart Start() =>
        OwnProcess.Ask<ColdStart>(ColdStartChild.Command, Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture));
}
