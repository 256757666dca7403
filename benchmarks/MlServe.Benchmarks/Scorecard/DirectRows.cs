using MlServe.Benchmarks.Measurement;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// The direct path against the runtime's own cheapest way: bound memory, run again and again, a row copied in and its answer out.
/// </summary>
internal static class DirectRows
{
    public static readonly Claim Latency = Claim.AtMost("direct.latency_vs_raw", "ratio", 1.15);
    public static readonly Claim Bytes = Claim.AtMost("direct.bytes", "B", 0);

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        var model = OnnxModel.Mlp(seed: 1, 4, 16, 3);
        using var loaded = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model)).AsTask().GetAwaiter().GetResult();
        var predictor = Sabotage.Wrap(loaded);
        using var raw = new RawSession(model, "x", [1, 4], "y", [1, 3]);
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

        var ratio = PairedWindows.Ratio(windows, Ours, calls => raw.Run(calls, row, answer));
        yield return Latency.Row(ratio, "one caller, MLP 4-16-3; baseline RunWithBinding, bound once, the row copied in and out");

        Ours(10_000);
        const int Calls = 100_000;
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Ours(Calls);
        var bytes = (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / Calls;
        yield return Bytes.Row(Math.Round(bytes, 3), $"allocated by the whole process a prediction, over {Calls} calls");
    }
}
