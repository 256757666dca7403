using Microsoft.Extensions.Logging;
using MlServe.Statistics;
using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>
/// The states of one version's circuit. A closed circuit costs a call one read in front and one count behind; an open one a read of the
/// clock.
/// </summary>
internal sealed class CircuitBreaker : ICircuitBreaker
{
    private static readonly TimeSpan RefusalStep = TimeSpan.FromMilliseconds(100);

    private readonly CircuitBreakerOptions _options;
    private readonly SlidingWindow _window;
    private readonly CircuitMetrics _metrics;
    private readonly ILogger? _logger;
    private readonly TimeProvider _time;
    private readonly ModelEvents? _events;
    private readonly Lock _lock = new();
    private bool _hasFallback;
    private CircuitPeriod _period = new(CircuitState.Closed);

    public CircuitBreaker(ModelIdentity model, CircuitBreakerOptions options, CircuitMetrics metrics, ILogger? logger, TimeProvider time,
        ModelEvents? events = null)
    {
        Model = model;
        _options = options;
        _window = new(options.SamplingDuration, time);
        _metrics = metrics;
        _logger = logger;
        _time = time;
        _events = events;
    }

    public event EventHandler<CircuitStateChangedEventArgs>? StateChanged;

    public ModelIdentity Model { get; }

    public CircuitState State => Volatile.Read(ref _period).State;

    public PredictionError? LastFailure { get; private set; }

    public TimeSpan? RetryAfter =>
        Volatile.Read(ref _period) is { State: CircuitState.Open } period ? Left(period, _time.GetTimestamp()) : null;

    /// <summary>Whether somebody else can answer while the circuit is open.</summary>
    public bool HasFallback
    {
        get => Volatile.Read(ref _hasFallback);
        set => Volatile.Write(ref _hasFallback, value);
    }

    /// <summary>Whether a call may go to the model; else the answer is set.</summary>
    public bool TryEnter(out CircuitPeriod period, out Prediction refusal)
    {
        refusal = default;
        period = Volatile.Read(ref _period);
        return period.State == CircuitState.Closed || TryEnterBroken(ref period, out refusal);
    }

    /// <summary>Hears how a call ended that was let through.</summary>
    /// <param name="period">When it began.</param>
    /// <param name="verdict">True: the model failed; false: it did not; null: the call says nothing of it.</param>
    /// <param name="failure">The failure.</param>
    public void Leave(CircuitPeriod period, bool? verdict, PredictionError? failure)
    {
        var isProbe = period.State == CircuitState.HalfOpen;
        if (verdict is null)
        {
            if (isProbe) period.Forget();
            return;
        }

        if (!ReferenceEquals(period, Volatile.Read(ref _period))) return;
        if (verdict.Value) failure ??= TooSlow();
        if (isProbe)
        {
            if (verdict.Value) Break(period, period.Breaks + 1, failure);
            else if (period.Succeeded(_options.ProbeCount)) Change(period, new(CircuitState.Closed), null);
        }
        else if (FailsTooOften(verdict.Value))
        {
            Break(period, 0, failure);
        }
    }

    public void Open(TimeSpan? duration = null)
    {
        if (duration <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(duration), duration, "The break must be longer than zero.");
        Change(null, OpenFor(duration ?? _options.BreakDuration, 0), null);
    }

    public void Isolate() => Change(null, new(CircuitState.Isolated), null);

    public void Close() => Change(null, new(CircuitState.Closed), null);

    /// <summary>The circuit has been given up with its pipeline.</summary>
    public void Retire() => _metrics.Remove(this);

    /// <summary>Counts a run, and says whether so many have failed, this one among them, that the circuit is to open.</summary>
    private bool FailsTooOften(bool isFailure)
    {
        var (runs, failures) = _window.Count(isFailure);
        return isFailure && runs >= _options.MinimumThroughput && (double)failures / runs >= _options.FailureRatio;
    }

    private bool TryEnterBroken(ref CircuitPeriod period, out Prediction refusal)
    {
        refusal = default;
        var now = period.State == CircuitState.Isolated ? 0 : _time.GetTimestamp();
        if (period.State == CircuitState.Open && now >= period.Until)
        {
            Change(period, new(CircuitState.HalfOpen) { Breaks = period.Breaks }, null);
            period = Volatile.Read(ref _period);
            if (period.State == CircuitState.Closed) return true;
        }

        if (period.State == CircuitState.HalfOpen
            && period.TryProbe(_options.ProbeCount, now, Timestamps.After(_time, now, _options.BreakDuration)))
            return true;
        refusal = Refuse(period, now);
        return false;
    }

    /// <summary>One error for all who are refused within a moment: a refusal makes nothing.</summary>
    private Prediction Refuse(CircuitPeriod period, long now)
    {
        var refused = period.Refused;
        if (refused is not null && now < refused.FreshUntil) return refused.Answer;

        PredictionError error;
        var freshUntil = long.MaxValue;
        if (period.State == CircuitState.Isolated)
        {
            error = new(PredictionStatus.CircuitOpen, PredictionErrorCode.CircuitIsolated,
                "The circuit of model '{0}' was opened by hand and refuses all requests until it is closed by hand.", Model.Name)
            {
                Model = Model,
            };
        }
        else
        {
            var left = period.State == CircuitState.Open ? Left(period, now) : TimeSpan.FromSeconds(1);
            if (period.State == CircuitState.Open) freshUntil = Timestamps.After(_time, now, RefusalStep);
            error = new(PredictionStatus.CircuitOpen, PredictionErrorCode.CircuitOpen,
                "Model '{0}' fails too often, and its circuit is open. Try again in {1:F1} s. The last failure: {2}",
                Model.Name, left.TotalSeconds, LastFailure?.Message ?? "none, the circuit was opened by hand")
            { Model = Model, RetryAfter = left };
        }

        period.Refused = refused = new(Prediction.FromError(error), freshUntil);
        return refused.Answer;
    }

    private void Break(CircuitPeriod from, int breaks, PredictionError? reason)
    {
        var longest = _options.MaxBreakDuration.TotalSeconds;
        var seconds = Math.Min(_options.BreakDuration.TotalSeconds * Math.Pow(2, breaks), longest);
        var jittered = Math.Min(seconds * (0.8 + (0.4 * _options.Jitter())), longest);
        Change(from, OpenFor(TimeSpan.FromSeconds(jittered), breaks), reason);
    }

    private CircuitPeriod OpenFor(TimeSpan duration, int breaks) =>
        new(CircuitState.Open) { Until = _time.After(duration), Breaks = breaks };

    /// <summary>Goes over to another state, once however many want to.</summary>
    /// <param name="from">The period that must still last; null: whichever it is.</param>
    /// <param name="to">The period that begins.</param>
    /// <param name="reason">The failure that opens the circuit.</param>
    private void Change(CircuitPeriod? from, CircuitPeriod to, PredictionError? reason)
    {
        CircuitState before;
        lock (_lock)
        {
            if (from is not null && !ReferenceEquals(from, _period)) return;
            before = _period.State;
            if (reason is not null) LastFailure = reason;
            if (to.State != CircuitState.HalfOpen) _window.Reset();
            Volatile.Write(ref _period, to);
        }

        if (before == to.State && before != CircuitState.Open) return;
        _metrics.Changed(this, to.State);
        Tell(before, to, reason);
    }

    private void Tell(CircuitState before, CircuitPeriod period, PredictionError? reason)
    {
        switch (period.State)
        {
            case CircuitState.Open when _logger is not null:
                LogMessages.CircuitOpened(
                    _logger, reason?.Exception, Model.Name, Model.Version, Left(period, _time.GetTimestamp()),
                    reason?.Message ?? "it was opened by hand");
                break;
            case CircuitState.HalfOpen when _logger is not null:
                LogMessages.CircuitHalfOpened(_logger, Model.Name, Model.Version);
                break;
            case CircuitState.Closed when _logger is not null:
                LogMessages.CircuitClosed(_logger, Model.Name, Model.Version);
                break;
            case CircuitState.Isolated when _logger is not null:
                LogMessages.CircuitIsolated(_logger, Model.Name, Model.Version);
                break;
        }

        _events?.Publish(new CircuitChanged(Model.Name, Model, before, period.State, reason, _time.GetUtcNow()));
        var change = new CircuitStateChangedEventArgs(before, period.State, reason);
        foreach (var handler in Delegate.EnumerateInvocationList(StateChanged))
            Call(handler, change);
    }

    private void Call(EventHandler<CircuitStateChangedEventArgs> handler, CircuitStateChangedEventArgs change)
    {
        try
        {
            handler(this, change);
        }
        // Whoever listens must not cost the caller who happened to change the state its answer, nor the next listener the news.
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ResilienceLog.CallbackThrew(_logger, exception, nameof(StateChanged), Model.Name);
        }
    }

    private PredictionError TooSlow() => new(PredictionStatus.Failed, PredictionErrorCode.None,
        _options.SlowRunThreshold is not null
            ? "Model '{0}' ran longer than {1} (MlServing:Models:{0}:CircuitBreaker:SlowRunThreshold)."
            : "Model '{0}' ran longer than its service level allows (MlServing:Models:{0}:ServiceLevel:P99).",
        Model.Name, _options.SlowRunThreshold)
    {
        Model = Model,
    };

    private TimeSpan Left(CircuitPeriod period, long now)
    {
        var left = _time.GetElapsedTime(now, period.Until);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
