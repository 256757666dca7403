using System.Diagnostics;
using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>A model with short runs behind the backlog of one with long runs, at one gate.</summary>
internal static class GateRows
{
    public static readonly Claim Direct = Claim.AtMost("gate.short_behind_long.direct", "ratio", 3);
    public static readonly Claim Batched = Claim.AtMost("gate.short_behind_long.batched", "ratio", 3);

    private const int Callers = 100;
    private const int Samples = 60;
    private const double LongSeconds = 0.080;
    private const double ShortSeconds = 0.0003;

    public static ScorecardRow DirectPath(int windows) => Measure(Direct, windows, isBatched: false);

    public static ScorecardRow Batchers(int windows) => Measure(Batched, windows, isBatched: true);

    private static ScorecardRow Measure(Claim claim, int windows, bool isBatched)
    {
        var gate = new RunGate();
        using var slow = new BatchedModel(
            OnnxModel.Mlp(1, 1024, 2048, 2048, 100), static options => (options.MaxBatchSize, options.MaxQueuedRows) = (64, 100 * 64),
            gate);
        using var fast = new BatchedModel(OnnxModel.Mlp(2, 784, 512, 512, 10), static options => options.MaxBatchSize = 64, gate);
        var (slowModel, fastModel) = isBatched
            ? (slow.Predictor, fast.Predictor)
            : (Sabotage.Wrap(slow.Direct), Sabotage.Wrap(fast.Direct));
        var slowRequest = Sized(slow.Direct, 1024, LongSeconds, isBatched ? 64 : int.MaxValue, out var slowRun);
        var fastRequest = Sized(fast.Direct, 784, ShortSeconds, isBatched ? 64 : int.MaxValue, out var fastRun);

        using var stop = new CancellationTokenSource();
        var runs = 0;
        Task[] backlog = [.. Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                (await slowModel.PredictAsync(slowRequest).ConfigureAwait(false)).EnsureOk().Dispose();
                Interlocked.Increment(ref runs);
            }
        }))];
        SpinWait.SpinUntil(() => Volatile.Read(ref runs) > 10 || Array.Exists(backlog, static caller => caller.IsCompleted));
        var (started, before) = (Stopwatch.GetTimestamp(), Volatile.Read(ref runs));
        var ratios = new List<double>();
        var p99 = 0.0;
        for (var window = 0; window < Math.Max(5, windows / 4); window++)
        {
            var seconds = new double[Samples];
            for (var i = 0; i < Samples; i++)
            {
                var asked = Stopwatch.GetTimestamp();
                fastModel.PredictAsync(fastRequest).AsTask().GetAwaiter().GetResult().EnsureOk().Dispose();
                seconds[i] = Stopwatch.GetElapsedTime(asked).TotalSeconds;
            }

            Array.Sort(seconds);
            p99 = seconds[(int)(0.99 * (Samples - 1))];
            ratios.Add((p99 - fastRun) / slowRun);
        }

        // As they run beside each other; a run alone has the memory's whole bandwidth.
        var beside = Stopwatch.GetElapsedTime(started).TotalSeconds * Math.Min(gate.MaxConcurrentRuns, Callers)
            / (Volatile.Read(ref runs) - before);
        stop.Cancel();
        Task.WaitAll(backlog);
        return claim.Row(
            MedianEstimate.Of([.. ratios.Select(ratio => ratio * slowRun / Math.Max(slowRun, beside))]), string.Create(
                CultureInfo.InvariantCulture,
                $"p99 of one caller of a model of {fastRun * 1e3:0.00} ms a run, less that run, behind {Callers} closed-loop callers of "
                    + $"one of {slowRun * 1e3:0} ms alone and {beside * 1e3:0} ms beside each other, in runs of the latter; last p99 "
                    + $"{p99 * 1e3:0} ms; first come, first served would be {Callers / gate.MaxConcurrentRuns} runs"));
    }

    /// <summary>A request of as many rows as take about so long.</summary>
    private static PredictionInputs Sized(IPredictor model, int length, double seconds, int most, out double run)
    {
        var rows = 1;
        while (true)
        {
            var request = PredictionInputs.Rows(new float[rows * length], rows);
            var times = new double[7];
            for (var i = 0; i < times.Length; i++)
            {
                var started = Stopwatch.GetTimestamp();
                model.PredictAsync(request).AsTask().GetAwaiter().GetResult().EnsureOk().Dispose();
                times[i] = Stopwatch.GetElapsedTime(started).TotalSeconds;
            }

            Array.Sort(times);
            run = times[times.Length / 2];
            if (run > 0.9 * seconds || rows >= most) return request;
            rows = Math.Min(most, Math.Max(rows + 1, (int)(rows * Math.Min(4, seconds / run))));
        }
    }
}
