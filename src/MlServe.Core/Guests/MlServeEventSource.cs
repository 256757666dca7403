using System.Diagnostics.Tracing;

namespace MlServe.Guests;

/// <summary>
/// The event source: an event for guests that threw, and the EventCounters, which are made when somebody first asks for them.
/// </summary>
[EventSource(Name = MlServeDiagnostics.EventSourceName)]
internal sealed class MlServeEventSource : EventSource
{
    /// <summary>Null if a listener to event sources kept it from being made.</summary>
    public static readonly MlServeEventSource? Log = Create();

    private static volatile IPredictionTotals? _totals;

    private DiagnosticCounter[]? _counters;
    private (long Nanoseconds, long Count) _lastDurations;

    private MlServeEventSource()
    {
    }

    public static bool IsListenedTo => Log is { } log && log.IsEnabled();

    /// <summary>Gives the counts. Until then all are zero.</summary>
    public static void CountWith(IPredictionTotals totals) => _totals = totals;

    /// <summary>A guest threw, and was left out.</summary>
    /// <param name="guest">As the tag <see cref="MlServeDiagnostics.GuestTag"/>.</param>
    /// <param name="reason">The type and the message of what it threw.</param>
    /// <param name="suppressed">How many of its kind were held back since the last event.</param>
    [Event(1, Level = EventLevel.Warning)]
    public void GuestThrew(string guest, string reason, long suppressed) => WriteEvent(1, guest, reason, suppressed);

    protected override void OnEventCommand(EventCommandEventArgs command)
    {
        if (command.Command != EventCommand.Enable || _counters is not null) return;

        _counters =
        [
            new IncrementingPollingCounter(MlServeDiagnostics.PredictionsPerSecondCounter, this, static () => _totals?.Ended ?? 0)
            {
                DisplayName = "Prediction Rate",
                DisplayRateTimeScale = TimeSpan.FromSeconds(1),
            },
            Polling(MlServeDiagnostics.TotalPredictionsCounter, "Total Predictions", static () => _totals?.Ended ?? 0),
            Polling(MlServeDiagnostics.FailedPredictionsCounter, "Failed Predictions", static () => _totals?.Failed ?? 0),
            Polling(MlServeDiagnostics.RefusedPredictionsCounter, "Refused Predictions", static () => _totals?.Refused ?? 0),
            Polling(MlServeDiagnostics.CancelledPredictionsCounter, "Cancelled Predictions", static () => _totals?.Cancelled ?? 0),
            Polling(MlServeDiagnostics.CurrentPredictionsCounter, "Current Predictions", static () => _totals?.Active ?? 0),
            Polling(MlServeDiagnostics.MeanDurationCounter, "Mean Prediction Duration", MeanMilliseconds, "ms"),
            Polling(MlServeDiagnostics.AbandonedPredictionsCounter, "Abandoned Predictions", static () => _totals?.Abandoned ?? 0),
        ];
    }

    private static MlServeEventSource? Create()
    {
        // A session that waits for it has the runtime start a thread that reads the counters.
        using var noContext = Background.SuppressFlow();
        try
        {
            return new();
        }
#pragma warning disable CA1031 // A listener that is told of it, and throws what the base class cannot even describe.
        catch (Exception)
#pragma warning restore CA1031
        {
            GuestFaults.Count(Guest.EventListener);
            return null;
        }
    }

    private PollingCounter Polling(string name, string displayName, Func<double> read, string unit = "") =>
        new(name, this, read) { DisplayName = displayName, DisplayUnits = unit };

    private double MeanMilliseconds()
    {
        var (nanoseconds, count) = _totals?.Durations ?? default;
        var (lastNanoseconds, lastCount) = _lastDurations;
        _lastDurations = (nanoseconds, count);
        return count == lastCount ? 0 : (nanoseconds - lastNanoseconds) / (double)(count - lastCount) / 1e6;
    }
}
