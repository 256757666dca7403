using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>MlServe against ML.NET on the same ONNX file, in the best way to use ML.NET that is found.</summary>
internal static class MlNetRows
{
    public static readonly Claim Throughput = Claim.AtLeast("peers.mlnet.throughput.mlp", "ratio", 5);
    public static readonly Claim Latency = Claim.AtMost("peers.mlnet.latency.tiny", "ratio", 0.8);

    private const int Callers = 512;

    public static ScorecardRow MlpThroughput(int windows)
    {
        var model = OnnxModel.Mlp(1, 784, 512, 512, 10);
        var shape = new OfflineLimit.Shape("x", [784], "y", 10);
        using var file = new TemporaryFile(model);
        using var batched = new BatchedModel(model, 64);
        using var theirs = MlNetLoad.FindBest(file.Path, shape);
        theirs.RequireSameAnswers(batched.Predictor);
        var loop = new ClosedLoop(batched.Predictor, "y", Callers, 784);
        var ratio = PairedWindows.Ratio(windows, theirs.Run, loop.Run, TimeSpan.FromMilliseconds(200));
        return Throughput.Row(ratio, string.Create(
            CultureInfo.InvariantCulture,
            $"{Callers} closed-loop callers, MLP 784-512-512-10, behind UseBatching; theirs, the best of {theirs.Tried}: "
                + $"{theirs.Description}, {theirs.RatePerSecond:0}/s; mean batch {batched.MeanBatch:0.0}"));
    }

    public static ScorecardRow TinyLatency(int windows)
    {
        var model = OnnxModel.Mlp(1, 4, 16, 3);
        var shape = new OfflineLimit.Shape("x", [4], "y", 3);
        using var file = new TemporaryFile(model);
        using var loaded = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model)).AsTask().GetAwaiter().GetResult();
        using var theirs = MlNetLoad.FindBestOfOneCaller(file.Path, shape);
        theirs.RequireSameAnswers(loaded);
        var predictor = Sabotage.Wrap(loaded);
        float[] row = [0.1f, 0.2f, 0.3f, 0.4f];
        var answer = new float[3];

        void Ours(int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                var pending = predictor.PredictAsync(PredictionInputs.Row(row));
                using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
                prediction["y"].AsSpan<float>().CopyTo(answer);
            }
        }

        var ratio = PairedWindows.Ratio(windows, Ours, theirs.Run);
        return Latency.Row(ratio, string.Create(
            CultureInfo.InvariantCulture,
            $"one caller, MLP 4-16-3, ours over theirs; theirs, the best of {theirs.Tried}: {theirs.Description}, "
                + $"{1e6 / theirs.RatePerSecond:0.00} us"));
    }
}
