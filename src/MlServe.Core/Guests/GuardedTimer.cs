namespace MlServe.Guests;

/// <summary>
/// A timer of a clock that may throw, give no timer, or call back while it is being set. The system's timer takes its place if it fails. A
/// call back on the thread that sets it goes on elsewhere, because that thread may hold a lock.
/// </summary>
internal sealed class GuardedTimer : ITimer, IThreadPoolWorkItem
{
    [ThreadStatic]
    private static GuardedTimer? _beingSet;

    private readonly TimerCallback _callback;
    private readonly object? _state;
    private volatile ITimer? _timer;
    private volatile bool _isDisposed;

    public GuardedTimer(TimeProvider time, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        _callback = callback;
        _state = state;
        var before = _beingSet;
        _beingSet = this;
        try
        {
            _timer = time.CreateTimer(Fired, this, dueTime, period) ?? throw new InvalidOperationException("The clock gave no timer.");
        }
#pragma warning disable CA1031 // Without a timer, deadlines would not be kept.
        catch (Exception exception)
        {
            GuestReports.OfProcess.Add(Guest.Clock, exception);
            _timer = TimeProvider.System.CreateTimer(Fired, this, dueTime, period);
        }
        finally
        {
            _beingSet = before;
        }
    }

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        var before = _beingSet;
        _beingSet = this;
        try
        {
            if (_timer!.Change(dueTime, period) || _isDisposed) return !_isDisposed;
            throw new InvalidOperationException("The clock's timer did not take the change, and is not disposed.");
        }
        catch (Exception exception)
        {
            if (_isDisposed) return false;
            GuestReports.OfProcess.Add(Guest.Clock, exception);
            return ChangeToSystems(dueTime, period);
        }
        finally
        {
            _beingSet = before;
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        DisposeOf(_timer);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    void IThreadPoolWorkItem.Execute() => Call();

    private static void Fired(object? timer) => ((GuardedTimer)timer!).Fire();

    private void Fire()
    {
        if (ReferenceEquals(_beingSet, this)) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        else Call();
    }

    private void Call()
    {
        try
        {
            _callback(_state);
        }
        catch (Exception exception)
        {
            GuestReports.OfProcess.Add(Guest.Own, exception);
        }
    }

    private bool ChangeToSystems(TimeSpan dueTime, TimeSpan period)
    {
        var former = _timer;
        _timer = TimeProvider.System.CreateTimer(Fired, this, dueTime, period);
        DisposeOf(former);
        if (_isDisposed) DisposeOf(_timer);
        return !_isDisposed;
    }

    private static void DisposeOf(ITimer? timer)
    {
        try
        {
            timer?.Dispose();
        }
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Clock, exception);
        }
    }
}
