using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MlServe.Benchmarks.Measurement;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>What all that <c>AddMlServing</c> puts around a model costs, over a predictor that does nothing.</summary>
internal static class PipelineRows
{
    public static readonly Claim Overhead = Claim.AtMost("pipeline.overhead_ns", "ns", 1000);
    public static readonly Claim Bytes = Claim.AtMost("pipeline.bytes", "B", 0);

    /// <summary>To be extended by whoever adds a layer to the pipeline that a host has without asking for it.</summary>
    private const string Layers =
        "tracing (nobody samples), metrics (a listener on all instruments), the model's slot, and one decorator of the application";

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        var bare = default(NullPredictor);
        builder.Services.AddMlServing().AddModel("null", model => model
            .FromBytes(OnnxModel.Mlp(1, 4, 16, 3))
            .Use(inner => bare = new NullPredictor()));
        using var host = builder.Build();
        using var listener = new ProductionListener();
        host.StartAsync().GetAwaiter().GetResult();
        var whole = Sabotage.Wrap(host.Services.GetRequiredService<IPredictor>());
        float[] row = [0.1f, 0.2f, 0.3f, 0.4f];

        void Ask(IPredictor predictor, int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                var pending = predictor.PredictAsync(PredictionInputs.Row(row));
                using var prediction = pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult();
                if (!prediction.IsOk) throw new InvalidOperationException(prediction.Error.Message);
            }
        }

        var (overhead, alone) = PairedWindows.Difference(windows, calls => Ask(whole, calls), calls => Ask(bare!, calls), 1e9);
        if (listener.Count == 0) throw new InvalidOperationException("The listener heard no durations.");
        yield return Overhead.Row(overhead, FormattableString.Invariant($"one caller; {Layers}; over a null predictor of {alone:0} ns"));

        const int Calls = 100_000;
        Ask(whole, 10_000);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Ask(whole, Calls);
        var bytes = (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / Calls;
        host.StopAsync().GetAwaiter().GetResult();
        yield return Bytes.Row(Math.Round(bytes, 3), $"the same; allocated by the whole process a prediction, over {Calls} calls");
    }
}
