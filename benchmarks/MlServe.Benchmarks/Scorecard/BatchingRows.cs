using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// The batcher against the raw runtime: alone it must cost nothing, in a crowd it must come close to what can be had at all.
/// </summary>
internal static class BatchingRows
{
    public static readonly Claim Lone = Claim.AtMost("batching.lone_latency_vs_raw", "ratio", 1.15);
    public static readonly Claim Mlp = Claim.AtLeast("batching.throughput_vs_limit.mlp", "ratio", 0.9);
    public static readonly Claim Cnn = Claim.AtLeast("batching.throughput_vs_limit.cnn", "ratio", 0.95);
    public static readonly Claim Tiny = Claim.AtLeast("batching.throughput_vs_unbatched.tiny", "ratio", 5);
    public static readonly Claim Fan = Claim.AtLeast("batching.fanout", "ratio", 0.8);

    private const int Callers = 512;
    private const int CpuRows = 64 * 1024;

    public static ScorecardRow MlpVsLimit(int windows) => ThroughputVsLimit(
        Mlp, windows, OnnxModel.Mlp(1, 784, 512, 512, 10), new("x", [784], "y", 10), "MLP 784-512-512-10", 64);

    public static ScorecardRow CnnVsLimit(int windows) => ThroughputVsLimit(
        Cnn, windows, File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "assets", "digits.onnx")),
        new("image", [1, 28, 28], "scores", 10), "digits.onnx", 64);

    public static ScorecardRow LoneLatency(int windows)
    {
        var model = OnnxModel.Mlp(1, 4, 16, 3);
        using var batched = new BatchedModel(model, 64);
        using var raw = new RawSession(model, "x", [1, 4], "y", [1, 3]);
        float[] row = [0.1f, 0.2f, 0.3f, 0.4f];
        var answer = new float[3];

        void Ours(int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                var pending = batched.Predictor.PredictAsync(PredictionInputs.Row(row));
                using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
                prediction["y"].AsSpan<float>().CopyTo(answer);
            }
        }

        var ratio = PairedWindows.Ratio(windows, Ours, calls => raw.Run(calls, row, answer));
        return Lone.Row(ratio,
            "one caller, MLP 4-16-3, the mean of all calls, those queued as probes among them; baseline RunWithBinding");
    }

    private static ScorecardRow ThroughputVsLimit(
        Claim claim, int windows, byte[] model, OfflineLimit.Shape shape, string label, int maxBatch)
    {
        using var batched = new BatchedModel(model, maxBatch);
        using var limit = OfflineLimit.FindBest(model, shape, 16, 32, 64, 128, 256);
        var loop = new ClosedLoop(batched.Predictor, shape.Output, Callers, shape.InputLength);

        // Time of the limit over ours: the share of the limit that is reached.
        var ratio = PairedWindows.Ratio(windows, limit.Run, loop.Run, TimeSpan.FromMilliseconds(200));
        return claim.Row(ratio,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Callers} closed-loop callers, {label}; limit: {limit.Description}; mean batch {batched.MeanBatch:0.0}; "
                    + $"{CpuTime.PerRow(loop.Run, CpuRows):0.00} us of processor a row against {CpuTime.PerRow(limit.Run, CpuRows):0.00}"));
    }

    public static ScorecardRow TinyVsUnbatched(int windows)
    {
        var model = OnnxModel.Mlp(1, 4, 16, 3);
        using var batched = new BatchedModel(model, 256);
        using var unbatched = OfflineLimit.FindBest(model, new("x", [4], "y", 3), 1);
        var loop = new ClosedLoop(batched.Predictor, "y", Callers, 4);
        var ratio = PairedWindows.Ratio(windows, unbatched.Run, loop.Run, TimeSpan.FromMilliseconds(200));
        return Tiny.Row(ratio,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Callers} closed-loop callers, MLP 4-16-3; baseline raw runtime: {unbatched.Description}; mean batch "
                    + $"{batched.MeanBatch:0.0}; {CpuTime.PerRow(loop.Run, CpuRows * 4):0.00} us of processor a row against "
                    + $"{CpuTime.PerRow(unbatched.Run, CpuRows * 4):0.00}"));
    }

    public static ScorecardRow FanOut(int windows)
    {
        var model = OnnxModel.Mlp(1, 784, 512, 512, 10);
        using var batched = new BatchedModel(model, 64);
        var random = new Random(4);
        float[][] rows = [.. Enumerable.Range(0, 256).Select(_ => Enumerable.Range(0, 784).Select(_ => random.NextSingle()).ToArray())];
        PredictionInputs[] requests = [.. rows.Select(static row => PredictionInputs.Row(row))];

        void Many(int calls)
        {
            for (var i = 0; i < calls; i++)
                batched.Predictor.PredictManyAsync(requests).AsTask().GetAwaiter().GetResult().Dispose();
        }

        void FanOut(int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                foreach (var prediction in Task.WhenAll(rows.Select(row =>
                    batched.Predictor.PredictAsync(PredictionInputs.Row(row)).AsTask())).GetAwaiter().GetResult())
                    prediction.Dispose();
            }
        }

        var ratio = PairedWindows.Ratio(windows, Many, FanOut);
        return Fan.Row(ratio,
            "Task.WhenAll of 256 rows from one thread, MLP 784-512-512-10; baseline PredictManyAsync of the same rows");
    }
}
