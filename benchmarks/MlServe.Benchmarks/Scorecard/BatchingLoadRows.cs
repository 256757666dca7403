using System.Diagnostics;
using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>The batcher under load that does not wait for it: latency, deadlines, overload, allocation.</summary>
internal static class BatchingLoadRows
{
    public static readonly Claim P99 = Claim.AtMost("batching.p99_vs_unbatched", "ratio", 1);
    public static readonly Claim DeadlineKept = Claim.AtLeast("batching.deadline_kept", "share", 0.99);
    public static readonly Claim Goodput = Claim.AtLeast("batching.overload_goodput", "ratio", 0.9);
    public static readonly Claim RefusalTime = Claim.AtMost("batching.refusal_ns", "ns", 250);
    public static readonly Claim Allocated = Claim.AtMost("batching.bytes", "B", 0.5);

    private const double DeadlineSeconds = 0.010;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1.5);

    public static IEnumerable<ScorecardRow> Latency(int windows)
    {
        var pairs = Math.Max(5, windows / 4);
        var model = OnnxModel.Mlp(1, 1024, 2048, 2048, 100);
        var random = new Random(5);
        float[][] rows = [.. Enumerable.Range(0, 64).Select(_ => Enumerable.Range(0, 1024).Select(_ => random.NextSingle()).ToArray())];
        using var batched = new BatchedModel(model, 64);

        ValueTask<Prediction> Batched(int i) => batched.Predictor.PredictAsync(PredictionInputs.Row(rows[i % rows.Length]));

        // The direct path would run on the generator's own thread: a service hands its requests to the pool.
        ValueTask<Prediction> Unbatched(int i) =>
            new(Task.Run(() => batched.Direct.PredictAsync(PredictionInputs.Row(rows[i % rows.Length])).AsTask()));

        var capacity = Capacity(Unbatched, 4000);
        OpenLoop.Run(0.8 * capacity, Window, 1, Batched);
        var ratios = new List<double>();
        double lag = 0, cpu = 0, ours = 0, theirs = 0;
        for (var pair = 0; pair < pairs; pair++)
        {
            var b = OpenLoop.Run(0.8 * capacity, Window, pair, Batched);
            var u = OpenLoop.Run(0.8 * capacity, Window, pair, Unbatched);
            ratios.Add(b.Percentile(0.99) / u.Percentile(0.99));
            (lag, cpu, ours, theirs) =
                (Math.Max(lag, Math.Max(b.LagP99, u.LagP99)), Math.Max(cpu, b.GeneratorCpu), b.Percentile(0.99), u.Percentile(0.99));
        }

        var ratio = MedianEstimate.Of(ratios);
        yield return P99.Row(ratio,
            string.Create(
                CultureInfo.InvariantCulture,
                $"Poisson at 80 % of the unbatched {capacity:0}/s, MLP 1024-2048-2048-100; last p99 {ours * 1e3:0.0} ms against "
                    + $"{theirs * 1e3:0.0} ms; generator lag p99 {lag * 1e3:0.00} ms, {cpu:P0} of a core"));

        using var timed = new BatchedModel(model, options =>
        {
            options.MaxBatchSize = 64;
            options.Timeout = TimeSpan.FromSeconds(DeadlineSeconds);
        });
        ValueTask<Prediction> Timed(int i) => timed.Predictor.PredictAsync(PredictionInputs.Row(rows[i % rows.Length]));
        OpenLoop.Run(2.5 * capacity, Window, 1, Timed);
        OpenLoopResult[] kept = [.. Enumerable.Range(0, pairs).Select(seed => OpenLoop.Run(2.5 * capacity, Window, seed, Timed))];
        var share = MedianEstimate.Of([.. kept.Select(static result => result.AnsweredWithin(DeadlineSeconds))]);
        yield return DeadlineKept.Row(share,
            string.Create(
                CultureInfo.InvariantCulture,
                $"the same model at 2.5 x the unbatched capacity, answered within 10 ms of being due; batched capacity "
                    + $"{Capacity(Batched, 16000) / capacity:0.0} x; generator {kept[^1].GeneratorCpu:P0} of a core, lag p99 "
                    + $"{kept[^1].LagP99 * 1e3:0.00} ms"));
    }

    /// <summary>The most answers a second that an open loop gets, offered more and more until no more come.</summary>
    private static double Capacity(Func<int, ValueTask<Prediction>> ask, double start)
    {
        var best = 0.0;
        for (var rate = start / 8; ; rate *= 1.4)
        {
            var result = OpenLoop.Run(rate, TimeSpan.FromSeconds(0.5), 7, ask);

            // Answers keep up with arrivals as long as the last ones are not much later than the first.
            var answered = Math.Min(result.Goodput, result.Count / (0.5 + result.Percentile(0.999)));
            if (answered < best * 1.05) return Math.Max(best, answered);
            best = Math.Max(best, answered);
        }
    }

    public static ScorecardRow OverloadGoodput()
    {
        var model = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx"));
        var image = new float[28 * 28];
        using var batched = new BatchedModel(model, options =>
        {
            options.MaxBatchSize = 64;
            options.MaxQueuedRows = 1024;
        });
        ValueTask<Prediction> Ask(int i) => batched.Predictor.PredictAsync(PredictionInputs.Row(image));

        var capacity = 0.0;
        for (var rate = 20_000.0; rate < 400_000; rate *= 1.25)
            capacity = Math.Max(capacity, OpenLoop.Run(rate, TimeSpan.FromSeconds(0.3), 11, Ask).Goodput);

        var results = Enumerable.Range(0, 7).Select(seed => OpenLoop.Run(3 * capacity, TimeSpan.FromSeconds(0.5), seed, Ask)).ToArray();
        var share = MedianEstimate.Of([.. results.Select(result => result.Goodput / capacity)]);
        return Goodput.Row(share,
            string.Create(
                CultureInfo.InvariantCulture,
                $"digits.onnx offered 3 x its batched capacity of {capacity:0}/s (found with the generator running); generator "
                    + $"{results[^1].GeneratorCpu:P0} of a core"));
    }

    public static ScorecardRow Refusal(int windows)
    {
        var gate = new RunGate(1);
        using var batched = new BatchedModel(OnnxModel.Mlp(1, 4, 16, 3), options => options.MaxQueuedRows = 1, gate);
        float[] row = [1, 2, 3, 4];

        // With the only place taken, one request waits and all others are refused.
        using var blocked = new BlockedGate(gate);
        var waiting = batched.Predictor.PredictAsync(PredictionInputs.Row(row));
        var samples = new List<double>();
        for (var window = 0; window < windows; window++)
        {
            const int Calls = 100_000;
            var started = Stopwatch.GetTimestamp();
            for (var i = 0; i < Calls; i++)
            {
                var refused = batched.Predictor.PredictAsync(PredictionInputs.Row(row));
                if (refused.IsCompleted && refused.Result.IsOk) throw new InvalidOperationException("The queue was not full.");
            }

            samples.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds / Calls);
        }

        blocked.Dispose();
        waiting.AsTask().GetAwaiter().GetResult().Dispose();
        var nanoseconds = MedianEstimate.Of(samples);
        return RefusalTime.Row(nanoseconds, "a request refused because the queue is full");
    }

    public static ScorecardRow Bytes()
    {
        const int Outstanding = 1024;
        var gate = new RunGate();
        using var batched = new BatchedModel(
            OnnxModel.Mlp(1, 4, 16, 3), options => options.RunMode = MlServe.Batching.RunMode.Queued, gate);
        var round = new AllocationRound(batched.Predictor, Outstanding);
        for (var i = 0; i < 200; i++)
            round.Run();

        const int Calls = 200 * Outstanding;
        var bytes = CallCost.Bytes(calls =>
        {
            for (var i = 0; i < calls; i += Outstanding)
                round.Run();
        }, Calls);
        return Allocated.Row(
            bytes, $"allocated by the whole process a prediction, {Outstanding} outstanding, the least of 5 rounds of {Calls}");
    }
}
