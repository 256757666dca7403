using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe.Monitoring;

/// <summary>The instruments of one host, and the models that report to them.</summary>
internal sealed class PredictionMetrics
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ModelStatistics> _models = new(StringComparer.Ordinal);
    private readonly ConditionalWeakTable<RunGate, object> _runGates = [];
    private readonly bool _isCounted;

    /// <param name="meter">The meter.</param>
    /// <param name="isCounted">Whether the predictions go into the totals of the process.</param>
    private PredictionMetrics(GuardedMeter meter, bool isCounted)
    {
        _isCounted = isCounted;

        // The model of these names is OpenTelemetry's http.server.request.duration and http.server.active_requests
        // (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/): one histogram, error.type only on failure.
        Duration = meter.CreateHistogram(
            MlServeDiagnostics.PredictionDurationMetric, "s", "Duration of predictions, seen by the caller.", HostInstruments.Durations);
        meter.ObserveUpDownCounter(MlServeDiagnostics.PredictionActiveMetric, ObserveActive, "{prediction}", "Predictions under way.");
        meter.ObserveCounter<long>(
            MlServeDiagnostics.PredictionAbandonedMetric, static () => [new(PredictionState.Abandoned)], "{prediction}",
            "Predictions of the process that were never disposed, found by the garbage collector.");
        meter.ObserveUpDownCounter<int>(
            MlServeDiagnostics.LoadAbandonedMetric, static () => [new(AbandonedCalls.Count)], "{thread}",
            "Threads of the process that a load gave up because the native runtime did not return.");
        meter.ObserveUpDownCounter(
            MlServeDiagnostics.RunActiveMetric, () => SumRunGates(static gate => gate.CurrentRuns), "{run}",
            "Model runs inside the run gate.");
        meter.ObserveUpDownCounter(
            MlServeDiagnostics.RunWaitingMetric, () => SumRunGates(static gate => gate.CurrentWaiters), "{run}",
            "Model runs that wait for the run gate.");
        meter.ObserveUpDownCounter(
            MlServeDiagnostics.RunLimitMetric, () => SumRunGates(static gate => gate.MaxConcurrentRuns), "{run}",
            "Model runs that the run gate lets in at once.");
        meter.ObserveCounter(
            MlServeDiagnostics.GuestFaultsMetric, ObserveGuests, "{fault}",
            "How often code threw that MlServe calls and that is not its own; of the process.");
    }

    public GuardedHistogram<double> Duration { get; }

    /// <summary>Those of a host; of the process if there is no factory.</summary>
    /// <param name="factory">The host's meters.</param>
    /// <param name="logger">Told of what listeners throw.</param>
    /// <param name="isCounted">Whether the predictions go into the totals of the process; looked at when the factory is first seen.</param>
    public static PredictionMetrics For(IMeterFactory? factory, ILogger? logger = null, bool isCounted = true) =>
        HostInstruments.For(GuardedMeter.For(factory, logger), meter => new PredictionMetrics(meter, isCounted));

    /// <summary>Begins to report a gate, once however often it is asked to.</summary>
    public void Watch(RunGate gate) => _runGates.TryAdd(gate, gate);

    /// <summary>The statistics of a model, shared by all that report under its name; to be released.</summary>
    public ModelStatistics Acquire(string model)
    {
        lock (_gate)
        {
            if (!_models.TryGetValue(model, out var statistics))
            {
                _models.Add(model, statistics = new(model));
                if (_isCounted) PredictionTotals.Add(statistics);
            }

            statistics.AddUser();
            return statistics;
        }
    }

    public void Release(ModelStatistics statistics)
    {
        lock (_gate)
        {
            statistics.RemoveUser();
            RetireIfIdle(statistics);
        }
    }

    /// <summary>To be called by a call that has ended and finds its statistics without a user.</summary>
    public void Sweep(ModelStatistics statistics)
    {
        lock (_gate) RetireIfIdle(statistics);
    }

    private void RetireIfIdle(ModelStatistics statistics)
    {
        if (statistics.IsUsed || statistics.Active != 0) return;
        if (_models.TryGetValue(statistics.Model, out var current) && ReferenceEquals(current, statistics))
            _models.Remove(statistics.Model);
        if (_isCounted) PredictionTotals.Retire(statistics);
    }

    private Measurement<long>[] ObserveActive()
    {
        lock (_gate)
            return [.. _models.Values.Select(static statistics => new Measurement<long>(statistics.Active, statistics.ModelTag))];
    }

    private static IEnumerable<Measurement<long>> ObserveGuests() => GuestFaults.All.Select(static guest =>
        new Measurement<long>(
            GuestFaults.Of(guest), new KeyValuePair<string, object?>(MlServeDiagnostics.GuestTag, GuestFaults.TagOf(guest))));

    private Measurement<int>[] SumRunGates(Func<RunGate, int> read) => [new(_runGates.Sum(entry => read(entry.Key)))];
}
