using System.Globalization;
using MlServe.Benchmarks.Measurement;
using MlServe.Resilience;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>The circuit breaker: what it takes while the model answers, and what a refusal takes while it does not.</summary>
internal static class ResilienceRows
{
    public static readonly Claim Closed = Claim.AtMost("resilience.closed_overhead_ns", "ns", 300);
    public static readonly Claim Open = Claim.AtMost("resilience.open_refusal_ns", "ns", 500);
    public static readonly Claim OpenBytes = Claim.AtMost("resilience.open_refusal_bytes", "B", 0.5);

    public static readonly Claim[] Claims = [Closed, Open, OpenBytes];

    private const int Calls = 20_000;

    public static IEnumerable<ScorecardRow> Measure(int windows)
    {
        using var inner = new ConstantPredictor();
        var request = PredictionInputs.Row(new float[4]);
        using var guarded = new PredictorBuilder(inner).UseCircuitBreaker().Build(new Level());
        var closed = Sabotage.Wrap(guarded);

        void Through(int calls)
        {
            for (var i = 0; i < calls; i++)
                Ask(closed, request);
        }

        void Plain(int calls)
        {
            for (var i = 0; i < calls; i++)
                Ask(inner, request);
        }

        var (overhead, alone) = PairedWindows.Difference(windows, Through, Plain, 1e9);
        yield return Closed.Row(overhead, string.Create(
            CultureInfo.InvariantCulture,
            $"a circuit breaker around a predictor that answers 10 floats at once, in {alone:0} ns: run timed against a service level, "
                + $"outputs checked, outcome counted"));

        using var broken = new PredictorBuilder(inner).UseCircuitBreaker().Build(new Level());
        broken.GetService<ICircuitBreaker>()!.Open(TimeSpan.FromHours(1));
        var open = Sabotage.Wrap(broken);

        void Refused(int calls)
        {
            for (var i = 0; i < calls; i++)
                Ask(open, request);
        }

        yield return Open.Row(CallCost.Nanoseconds(windows, Refused, Calls), "a request that an open circuit refuses");
        yield return OpenBytes.Row(
            CallCost.Bytes(Refused, Calls), $"allocated by the whole process a refusal, the least of 5 rounds of {Calls}");
    }

    private static void Ask(IPredictor predictor, PredictionInputs request)
    {
        var pending = predictor.PredictAsync(request);
        (pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult()).Dispose();
    }

    /// <summary>A service level that no call exceeds.</summary>
    private sealed class Level : IServiceProvider
    {
        private readonly ServiceLevel _level = new() { P99 = TimeSpan.FromSeconds(10) };

        public object? GetService(Type serviceType) => serviceType == typeof(ServiceLevel) ? _level : null;
    }
}
