using System.Diagnostics.Tracing;

namespace MlServe.Monitoring;

/// <summary>The EventCounters, read from the same counts as the meter's instruments. They are made when somebody first asks for them.</summary>
[EventSource(Name = MlServeDiagnostics.EventSourceName)]
internal sealed class MlServeEventSource : EventSource
{
    public static readonly MlServeEventSource Log = new();

    private DiagnosticCounter[]? _counters;
    private (long Nanoseconds, long Count) _lastDurations;

    private MlServeEventSource()
    {
    }

    protected override void OnEventCommand(EventCommandEventArgs command)
    {
        if (command.Command != EventCommand.Enable || _counters is not null) return;

        _counters =
        [
            new IncrementingPollingCounter(MlServeDiagnostics.PredictionsPerSecondCounter, this, static () => PredictionTotals.Ended)
            {
                DisplayName = "Prediction Rate",
                DisplayRateTimeScale = TimeSpan.FromSeconds(1),
            },
            Polling(MlServeDiagnostics.TotalPredictionsCounter, "Total Predictions", static () => PredictionTotals.Ended),
            Polling(MlServeDiagnostics.FailedPredictionsCounter, "Failed Predictions", static () => PredictionTotals.Failed),
            Polling(MlServeDiagnostics.RefusedPredictionsCounter, "Refused Predictions", static () => PredictionTotals.Refused),
            Polling(MlServeDiagnostics.CancelledPredictionsCounter, "Cancelled Predictions", static () => PredictionTotals.Cancelled),
            Polling(MlServeDiagnostics.CurrentPredictionsCounter, "Current Predictions", static () => PredictionTotals.Active),
            Polling(MlServeDiagnostics.MeanDurationCounter, "Mean Prediction Duration", MeanMilliseconds, "ms"),
            Polling(MlServeDiagnostics.AbandonedPredictionsCounter, "Abandoned Predictions", static () => PredictionState.Abandoned),
        ];
    }

    private PollingCounter Polling(string name, string displayName, Func<double> read, string unit = "") =>
        new(name, this, read) { DisplayName = displayName, DisplayUnits = unit };

    private double MeanMilliseconds()
    {
        var (nanoseconds, count) = PredictionTotals.Durations;
        var (lastNanoseconds, lastCount) = _lastDurations;
        _lastDurations = (nanoseconds, count);
        return count == lastCount ? 0 : (nanoseconds - lastNanoseconds) / (double)(count - lastCount) / 1e6;
    }
}
