using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>A call with a timer that cancels it. Pooled, together with its timer and its cancellation source.</summary>
#pragma warning disable CA1001 // Pooled: what it holds goes where the pool does not take it back.
internal sealed class TimeoutOperation : AwaitingSource<Prediction, Prediction>
#pragma warning restore CA1001
{
    private static readonly TimeSpan Never = Timeout.InfiniteTimeSpan;

    private readonly Lock _lock = new();
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _registration;
    private CancellationToken _callersToken;
    private TimeoutPredictor? _owner;
    private TimeProvider? _clock;
    private ITimer? _timer;
    private long _deadline;
    private bool _isActive;
    private bool _isExpired;

    public static TimeoutOperation Rent() => Pool<TimeoutOperation>.Rent();

    public ValueTask<Prediction> Start(
        TimeoutPredictor owner, TimeSpan timeout, IPredictor inner, in PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        Arm(owner, timeout, cancellationToken);
        ValueTask<Prediction> pending;
        try
        {
            pending = inner.PredictAsync(inputs, options, _source.Token);
        }
        catch (Exception exception)
        {
            var answer = End(exception, isRun: true);
            Recycle();
            if (answer is { } timedOut) return new(timedOut);
            throw;
        }

        if (!pending.IsCompleted)
        {
            var result = Begin();
            Await(pending, flowsActivity: true);
            return result;
        }

        // It ran on this thread: whatever took the time was the run.
        return EndAtOnce(pending, cancellationToken);
    }

    protected override void Read() => Recycle();

    private ValueTask<Prediction> EndAtOnce(ValueTask<Prediction> pending, CancellationToken callersToken)
    {
        try
        {
            if (pending.IsCompletedSuccessfully)
            {
                End(null, isRun: true);
                return pending;
            }

            try
            {
                // Always throws.
                return new(pending.GetAwaiter().GetResult());
            }
            catch (Exception exception) when (End(exception, isRun: true) is var answer)
            {
                if (answer is { } timedOut) return new(timedOut);
                return exception is OperationCanceledException && callersToken.IsCancellationRequested
                    ? ValueTask.FromCanceled<Prediction>(callersToken)
                    : ValueTask.FromException<Prediction>(exception);
            }
        }
        finally
        {
            Recycle();
        }
    }

    private void Arm(TimeoutPredictor owner, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var time = owner.Time;
        if (!ReferenceEquals(_clock, time)) MakeTimer(time);
        lock (_lock)
        {
            _owner = owner;
            _callersToken = cancellationToken;
            _deadline = time.After(timeout);
            _isActive = true;
            _isExpired = false;
        }

        _timer!.Change(Timestamps.ToTimer(timeout), Never);
        if (cancellationToken.CanBeCanceled) _registration = cancellationToken.UnsafeRegister(static operation => ((TimeoutOperation)operation!)._source.CancelQuietly(), this);
    }

    private void MakeTimer(TimeProvider time)
    {
        _timer?.Dispose();
        _clock = time;
        _timer = time.CreateDeadlineTimer(static operation => ((TimeoutOperation)operation!).Expire(), this);
    }

    private void Expire()
    {
        CancellationTokenSource source;
        lock (_lock)
        {
            if (!_isActive || _isExpired) return;
            var left = _clock!.GetElapsedTime(_clock.GetTimestamp(), _deadline);
            if (left > TimeSpan.Zero)
            {
                // Too early, because timers are coarse, or meant for a request that was served before.
                _timer!.Change(Timestamps.ToTimer(left), Never);
                return;
            }

            _isExpired = true;
            source = _source;
        }

        // Outside of the lock, because the caller's code may go on in here, and the operation serve another request meanwhile.
        UrgentCancel.Cancel(source);
    }

    protected override void Continue()
    {
        Prediction answer;
        try
        {
            answer = InnerResult();
            End(null, isRun: false);
        }
        catch (Exception exception)
        {
            if (End(exception, isRun: false) is not { } timedOut)
            {
                SetException(exception is OperationCanceledException && _callersToken.IsCancellationRequested ? new OperationCanceledException(_callersToken) : exception);
                return;
            }

            answer = timedOut;
        }

        SetResult(answer);
    }

    /// <summary>Stops the timer.</summary>
    /// <returns>The answer in place of the exception, where it is the timer's doing.</returns>
    private Prediction? End(Exception? exception, bool isRun)
    {
        // Waits for a callback under way.
        _registration.Dispose();
        _registration = default;
        bool isExpired;
        lock (_lock)
        {
            _isActive = false;
            isExpired = _isExpired;
        }

        _timer!.Change(Never, Never);
        return isExpired && exception is OperationCanceledException && !_callersToken.IsCancellationRequested ? Prediction.FromError(_owner!.TimedOut(isRun)) : null;
    }

    private void Recycle()
    {
        if (_isExpired)
        {
            // The timer's thread may only be about to cancel it.
            _source = new();
        }
        else if (!_source.TryReset())
        {
            _source.Dispose();
            _source = new();
        }

        _owner = null;
        _callersToken = default;
        ForgetInner();
        Reset();
        if (!Pool<TimeoutOperation>.Return(this)) _timer!.Dispose();
    }
}
