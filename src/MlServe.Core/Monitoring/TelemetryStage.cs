using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe.Monitoring;

/// <summary>Counts every call of a model, measures those that somebody wants measured, and logs failures.</summary>
internal sealed class TelemetryStage : PredictionStage
{
    internal static readonly TimeSpan LogWindow = TimeSpan.FromSeconds(10);

    private static readonly int ErrorCodes = Enum.GetValues<PredictionErrorCode>().Length;

    private readonly PredictionMetrics _metrics;
    private readonly ModelStatistics _statistics;
    private readonly ILogger? _logger;
    private readonly LogThrottle _throttle;
    private readonly double _secondsPerTick;
    private int _disposed;

    public TelemetryStage(string model, PredictionMetrics metrics, ILogger? logger, TimeProvider time)
    {
        _metrics = metrics;
        _statistics = metrics.Acquire(model);
        _logger = logger;
        _throttle = new(ErrorCodes + 1, LogWindow, time);
        _secondsPerTick = 1.0 / time.TimestampFrequency;
    }

    public override StageOutcome Before(ref StageCall call)
    {
        _statistics.Begin();
        if (_metrics.Duration.Enabled || MlServeEventSource.IsListenedTo) _ = call.Started;
        return StageOutcome.Next;
    }

    public override StageOutcome After(ref StageCall call)
    {
        var status = call.Answer.Status;
        End(ref call, PredictionOutcome.Of(status), call.IsTimed ? VersionOf(call.Answer.Origin) : null);
        if (status == PredictionStatus.Failed && _logger is not null) LogFailure(_logger, call.Answer.Error);
        return StageOutcome.Next;
    }

    public override bool Failed(ref StageCall call, Exception exception)
    {
        var outcome = PredictionOutcome.Of(exception);
        End(ref call, outcome, null);

        // A disposed predictor is the caller's affair, as a cancellation is.
        if (outcome == PredictionOutcome.Exception && exception is not ObjectDisposedException && _logger is not null)
            LogException(_logger, exception);
        return false;
    }

    /// <summary>Calls that are under way are still counted when they end.</summary>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _metrics.Release(_statistics);
        base.Dispose();
    }

    private void End(ref StageCall call, int outcome, ModelIdentity? version)
    {
        // A call that began before anybody listened has no beginning to measure from.
        if (call.IsTimed) Measure(ref call, outcome, version);
        _statistics.End(outcome);
        if (!_statistics.IsUsed) _metrics.Sweep(_statistics);
    }

    private void Measure(ref StageCall call, int outcome, ModelIdentity? version)
    {
        var seconds = (call.Now - call.Started) * _secondsPerTick;
        if (MlServeEventSource.IsListenedTo) _statistics.AddDuration((long)(seconds * 1e9));
        Record(seconds, version, outcome == (int)PredictionStatus.Ok ? null : PredictionOutcome.ErrorTag(outcome));
    }

    private void Record(double seconds, ModelIdentity? version, KeyValuePair<string, object?>? error)
    {
        switch (version, error)
        {
            case (null, null):
                _metrics.Duration.Record(seconds, _statistics.ModelTag);
                break;
            case (null, { } errorTag):
                _metrics.Duration.Record(seconds, _statistics.ModelTag, errorTag);
                break;
            case ({ }, null):
                _metrics.Duration.Record(seconds, _statistics.ModelTag, _statistics.Versions.TagOf(version));
                break;
            case ({ }, { } errorTag):
                _metrics.Duration.Record(seconds, _statistics.ModelTag, _statistics.Versions.TagOf(version), errorTag);
                break;
        }
    }

    /// <summary>The version of this model, no matter which one answered in its place.</summary>
    private static ModelIdentity? VersionOf(in PredictionOrigin origin) =>
        origin.Source == PredictionSource.Fallback ? origin.FallbackReason?.Model : origin.Model;

    private void LogFailure(ILogger logger, PredictionError error)
    {
        var kind = (uint)error.Code < ErrorCodes ? (int)error.Code : 0;
        if (logger.IsEnabled(LogLevel.Error) && _throttle.TryPass(kind, out var suppressed))
            LogMessages.PredictionFailed(logger, error.Exception, _statistics.Model, error.Code, error.Message, suppressed);
    }

    private void LogException(ILogger logger, Exception exception)
    {
        if (logger.IsEnabled(LogLevel.Error) && _throttle.TryPass(ErrorCodes, out var suppressed))
            LogMessages.PredictionThrew(logger, exception, _statistics.Model, suppressed);
    }
}
