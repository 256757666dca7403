using System.Diagnostics;
using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>A process's first prediction against those after, and how long it takes to be ready, in fresh processes.</summary>
internal static class ColdStartRows
{
    public static readonly Claim FirstVsSteady = Claim.AtMost("coldstart.first_vs_steady", "ratio", 2);
    public static readonly Claim FirstVsRawFirst = Claim.AtMost("coldstart.first_vs_raw_first", "ratio", 1.5);
    public static readonly Claim Ready = Claim.AtMost("coldstart.ready_ms", "ms", 1000);

    private const int Children = 11;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        using var program = PrecompiledCopy.Make();
        Start(program);
        var (starts, raw) = (new ColdStart[Children], new double[Children]);
        for (var i = 0; i < Children; i++)
        {
            starts[i] = Start(program);
            raw[i] = OwnProcess.Ask<double>(program, ColdStartChild.RawCommand);
        }

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
        var firstUs = MedianEstimate.Of([.. starts.Select(static start => start.FirstUs)]).Median;
        yield return FirstVsRawFirst.Row(MedianEstimate.Of([.. starts.Zip(raw, static (ours, raw) => ours.FirstUs / raw)]), string.Create(
            CultureInfo.InvariantCulture,
            $"the same first prediction over a raw session's first run after one warm-up run, in fresh processes in turn; medians "
                + $"{firstUs:0} us over {MedianEstimate.Of(raw).Median:0} us"));
        yield return Ready.Row(
            ready, FormattableString.Invariant($"the same processes; from before the process is started until its host is"));
    }

    private static ColdStart Start(PrecompiledCopy program) =>
        OwnProcess.Ask<ColdStart>(program, ColdStartChild.Command, Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture));
}
