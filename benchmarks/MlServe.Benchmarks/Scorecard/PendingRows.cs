using System.Globalization;
using MlServe.Batching;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>What the layers of a standard pipeline cost a request that has to wait, beyond the batcher alone.</summary>
internal static class PendingRows
{
    public static readonly Claim Cost = Claim.AtMost("pipeline.standard_pending_ns", "ns", 1500);
    public static readonly Claim Bytes = Claim.AtMost("pipeline.standard_pending_bytes", "B", 0);

    private const int Outstanding = 512;
    private const int Pairs = 9;
    private const int Calls = Outstanding * 200;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        _ = windows;
        using var alone = new BatchedModel(OnnxModel.Mlp(1, 4, 16, 3), Batch);
        using var under = new BatchedModel(OnnxModel.Mlp(1, 4, 16, 3), Batch);
        using var listener = new ProductionListener();
        using var pipeline = new PredictorBuilder(under.Direct)
            .UseTelemetry("standard")
            .UseFallback(static chain => chain.ThenStaleAnswer())
            .UseCache(static options => (options.SizeLimit, options.SwitchOffWhenUseless) = (1024 * 1024, false))
            .UseTimeout(TimeSpan.FromMinutes(1))
            .UseCircuitBreaker()
            .UseBatching(Batch)
            .Build();
        var (bare, whole) = (new Callers(alone.Predictor), new Callers(Sabotage.Wrap(pipeline)));
        var differences = new List<double>();
        var (ours, theirs) = (0.0, 0.0);
        for (var pair = -2; pair < Pairs; pair++)
        {
            // Which goes first changes from pair to pair.
            if (pair % 2 == 0) ours = CpuTime.PerRow(whole.Run, Calls);
            theirs = CpuTime.PerRow(bare.Run, Calls);
            if (pair % 2 != 0) ours = CpuTime.PerRow(whole.Run, Calls);
            if (pair >= 0) differences.Add((ours - theirs) * 1e3);
        }

        yield return Cost.Row(MedianEstimate.Of(differences), string.Create(
            CultureInfo.InvariantCulture,
            $"processor time of the process a request, {Outstanding} misses outstanding, telemetry + fallback + cache + timeout + breaker "
                + $"+ batcher, beyond the batcher alone; last {ours:0.0} us against {theirs:0.0} us, MLP 4-16-3"));
        var bytes = CallCost.Bytes(whole.Run, Calls) - CallCost.Bytes(bare.Run, Calls);
        yield return Bytes.Row(
            Math.Round(bytes, 1),
            "the same; allocated by the process a request beyond the batcher alone, "
                + "with what the cache keeps of 1 MiB and what it lets go");
    }

    private static void Batch(BatchingOptions options) => (options.MaxBatchSize, options.RunMode) = (64, RunMode.Queued);

    /// <summary>Callers that each ask something that nobody asked before, wait, and ask again.</summary>
    private sealed class Callers(IPredictor predictor)
    {
        private readonly float[][] _rows = [.. Enumerable.Range(0, Outstanding).Select(static caller => new float[] { caller, 0, 0, 0 })];

        public void Run(int calls) => Task.WaitAll([.. _rows.Select(row => Task.Run(() => CallAsync(row, calls / Outstanding)))]);

        private async Task CallAsync(float[] row, int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                if (++row[1] == 1 << 20) (row[1], row[2]) = (0, row[2] + 1);
                using var prediction = await predictor.PredictAsync(PredictionInputs.Row(row)).ConfigureAwait(false);
                if (!prediction.IsOk) throw new InvalidOperationException(prediction.Error.Message);
            }
        }
    }
}
