namespace MlServe.ChildProcess.Guests;

/// <summary>
/// The system's clock, which can be put forward, and whose readings and timers may throw, give nothing, or call back within the call that
/// sets them.
/// </summary>
internal sealed class ThrowingClock(Mischief mischief) : TimeProvider
{
    private long _ahead;

    public override long TimestampFrequency
    {
        get
        {
            mischief.Call("clock.TimestampFrequency");
            return System.TimestampFrequency;
        }
    }

    /// <summary>By how many ticks it has been put forward.</summary>
    public long Ahead => Interlocked.Read(ref _ahead);

    public void PutForward(TimeSpan time) => Interlocked.Add(ref _ahead, (long)(time.TotalSeconds * System.TimestampFrequency));

    public override long GetTimestamp()
    {
        mischief.Call("clock.GetTimestamp");
        return System.GetTimestamp() + Interlocked.Read(ref _ahead);
    }

    public override DateTimeOffset GetUtcNow()
    {
        mischief.Call("clock.GetUtcNow");
        return System.GetUtcNow();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        mischief.Call("clock.CreateTimer");
        if (mischief.Fails("clock.CreateTimer.null")) return null!;
        if (mischief.Fails("clock.CreateTimer.inline")) callback(state);

        // The name of whose timer it is.
        var owner = callback.Target?.GetType().DeclaringType?.Name ?? callback.Method.DeclaringType?.Name;
        return new Timer(
            mischief,
            state =>
            {
                _ = mischief.Fails($"fired.{owner}");
                callback(state);
            },
            state, dueTime, period);
    }

    private sealed class Timer(Mischief mischief, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) : ITimer
    {
        private readonly ITimer _inner = System.CreateTimer(callback, state, dueTime, period);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            mischief.Call("timer.Change");
            if (mischief.Fails("timer.Change.false")) return false;
            if (mischief.Fails("timer.Change.inline")) callback(state);
            return _inner.Change(dueTime, period);
        }

        public void Dispose()
        {
            mischief.Call("timer.Dispose");
            _inner.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
