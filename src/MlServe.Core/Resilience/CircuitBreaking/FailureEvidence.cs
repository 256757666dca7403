using Microsoft.Extensions.Logging;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>
/// Finds out who is to blame for an answer that cannot be right, or a run that failed: the request, or the model. A row that is known to be
/// good decides. It is run again on nobody's time, once at a time and once a second at most. Failures that wait for it count only if it
/// fails as well. If there is no such row, or it could not be run, different rows must fail. Safe for concurrent use.
/// </summary>
internal sealed class FailureEvidence(
    CircuitBreaker breaker, IPredictor inner, OutputValidator validator, CircuitBreakerOptions options, ILogger? logger, TimeProvider time)
    : IDisposable
{
    /// <summary>How long a verdict holds, and the time from one trial to the next.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>After which a trial has told nothing.</summary>
    internal static readonly TimeSpan TrialLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LogInterval = TimeSpan.FromMinutes(1);
    private static readonly PredictionOptions TrialOptions = new() { Priority = RequestPriority.Bulk, Timeout = TrialLimit };

    /// <summary>Failures that wait for a verdict; of more the ratio tells no more.</summary>
    private const int MaxAccused = 1000;

    private readonly Lock _gate = new();
    private readonly List<Accusation> _waiting = [];
    private readonly FailedRows _rows = new(options.SamplingDuration, time);
    private readonly CancellationTokenSource _closed = new();
    private TrialOutcome _verdict = TrialOutcome.Unknown;
    private long _holdsUntil = long.MinValue;
    private long _logAgainAt = long.MinValue;
    private long _givenUpAt;
    private bool _hasPassedChecks;
    private bool _isTrying;

    /// <summary>Hears of a failure, and tells the circuit when it is known whose it is.</summary>
    /// <param name="period">When the call began.</param>
    /// <param name="failure">The failure.</param>
    /// <param name="inputs">The request, whose memory is still its caller's.</param>
    public void Accuse(CircuitPeriod period, PredictionError failure, in PredictionInputs inputs)
    {
        var accusation = new Accusation(period, failure, RowFingerprint.Of(in inputs));
        TrialOutcome verdict;
        var isFirst = false;
        lock (_gate)
        {
            verdict = VerdictAt(time.GetTimestamp());
            if (verdict == TrialOutcome.UnderWay)
            {
                isFirst = !_isTrying;
                _isTrying = true;
                if (isFirst) _givenUpAt = time.After(2 * TrialLimit);
                if (_waiting.Count < MaxAccused) _waiting.Add(accusation);
            }
        }

        // Without the context of the caller who happened to be first.
        if (isFirst) ThreadPool.UnsafeQueueUserWorkItem(static evidence => _ = evidence.TryRowAsync(), this, preferLocal: false);
        else if (verdict != TrialOutcome.UnderWay) Settle(verdict, accusation);
    }

    public void Dispose() => _closed.CancelQuietly();

    private TrialOutcome VerdictAt(long now)
    {
        if (now < _holdsUntil) return _verdict;

        // A trial that does not end, though it was cut off, must not keep everything else from counting.
        if (_isTrying) return now < _givenUpAt ? TrialOutcome.UnderWay : TrialOutcome.Unknown;
        return SampleRow() is null ? TrialOutcome.Unknown : TrialOutcome.UnderWay;
    }

    private PredictionInputs? SampleRow() => inner.GetService<IModelExecutor>()?.SampleRequest;

    private async Task TryRowAsync()
    {
        var verdict = await AskAsync().ConfigureAwait(false);
        Accusation[] accused;
        lock (_gate)
        {
            accused = [.. _waiting];
            _waiting.Clear();
            _isTrying = false;
            _verdict = verdict;
            _holdsUntil = time.After(Interval);
        }

        foreach (var accusation in accused)
            Settle(verdict, accusation);
        if (verdict == TrialOutcome.Good) TellOnce(accused);
    }

    /// <summary>Runs the row that is known to be good, the way that requests go.</summary>
    private async Task<TrialOutcome> AskAsync()
    {
        try
        {
            if (SampleRow() is not { } row) return TrialOutcome.Unknown;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token);
            using var over = UrgentCancel.After(either, TrialLimit, time);
            using var answer = await inner.PredictAsync(row, TrialOptions, either.Token).ConfigureAwait(false);
            if (!answer.IsOk) return answer.Status == PredictionStatus.Failed ? TrialOutcome.Failed : TrialOutcome.Unknown;
            if (validator.CheckFinite(in answer) is not null) return TrialOutcome.Failed;

            // That the row passes the application's own checks as well has to be seen before it can be held against the model.
            if (validator.CheckMeaning(in answer) is not null) return _hasPassedChecks ? TrialOutcome.Failed : TrialOutcome.Unknown;
            _hasPassedChecks = true;
            return TrialOutcome.Good;
        }
        // It has been closed meanwhile, or took too long; whatever else a predictor throws is counted where a caller hears of it.
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
            return TrialOutcome.Unknown;
        }
    }

    private void Settle(TrialOutcome verdict, in Accusation accusation)
    {
        var count = verdict switch
        {
            TrialOutcome.Good => 0,
            TrialOutcome.Failed => 1,
            _ => accusation.Failure.Code == PredictionErrorCode.OutputInvalid ? _rows.Count(accusation.Row) : 1,
        };
        if (count == 0) breaker.Leave(accusation.Period, null, null);
        for (; count > 0; count--)
            breaker.Leave(accusation.Period, true, accusation.Failure);
    }

    private void TellOnce(Accusation[] accused)
    {
        var now = time.GetTimestamp();
        if (logger is null || accused.Length == 0 || now < _logAgainAt) return;
        _logAgainAt = time.After(LogInterval);
        ResilienceLog.RequestsToBlame(logger, breaker.Model, accused.Length, accused[^1].Failure);
    }

    private enum TrialOutcome
    {
        Unknown,
        UnderWay,
        Good,
        Failed,
    }

    private readonly record struct Accusation(CircuitPeriod Period, PredictionError Failure, int Row);
}
