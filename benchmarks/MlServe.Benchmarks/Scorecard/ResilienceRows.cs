using System.Diagnostics;
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

        var plain = Nanoseconds(windows, Plain).Median;
        var through = Nanoseconds(windows, Through);
        yield return Closed.Row(new MedianEstimate(through.Median - plain, through.Low - plain, through.High - plain),
            "a circuit breaker around a predictor that answers 10 floats at once: run timed against a service level, outputs checked, outcome counted by Polly");

        using var broken = new PredictorBuilder(inner).UseCircuitBreaker().Build(new Level());
        broken.GetService<ICircuitBreaker>()!.Open(TimeSpan.FromHours(1));
        var open = Sabotage.Wrap(broken);

        void Refused(int calls)
        {
            for (var i = 0; i < calls; i++)
                Ask(open, request);
        }

        yield return Open.Row(Nanoseconds(windows, Refused), "a request that an open circuit refuses");
        yield return OpenBytes.Row(Bytes(Refused), $"allocated by the whole process a refusal, the least of 5 rounds of {Calls}");
    }

    private static void Ask(IPredictor predictor, PredictionInputs request)
    {
        var pending = predictor.PredictAsync(request);
        (pending.IsCompleted ? pending.Result : pending.AsTask().GetAwaiter().GetResult()).Dispose();
    }

    private static MedianEstimate Nanoseconds(int windows, Action<int> action)
    {
        // Until the code is compiled as it stays.
        for (var round = 0; round < 10; round++)
            action(Calls);
        var samples = new List<double>(windows);
        for (var window = 0; window < windows; window++)
        {
            var started = Stopwatch.GetTimestamp();
            action(Calls);
            samples.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds / Calls);
        }

        return MedianEstimate.Of(samples);
    }

    private static double Bytes(Action<int> action)
    {
        var least = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            action(Calls);
            least = Math.Min(least, (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / Calls);
        }

        return Math.Round(least, 3);
    }

    /// <summary>A service level that no call exceeds.</summary>
    private sealed class Level : IServiceProvider
    {
        private readonly ServiceLevel _level = new() { P99 = TimeSpan.FromSeconds(10) };

        public object? GetService(Type serviceType) => serviceType == typeof(ServiceLevel) ? _level : null;
    }
}
