namespace MlServe.Tests.Fakes;

/// <summary>A clock whose timers fire when the test says so, due or not.</summary>
internal sealed class EarlyClock : TimeProvider
{
    private readonly List<Timer> _timers = [];

    public long Timestamp { get; set; }

    public int Timers => _timers.Count;

    public bool HasKeptContext { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Timestamp;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        HasKeptContext |= !ExecutionContext.IsFlowSuppressed();
        var timer = new Timer(() => callback(state));
        lock (_timers)
            _timers.Add(timer);
        return timer;
    }

    public void FireAll()
    {
        Timer[] timers;
        lock (_timers)
            timers = [.. _timers];
        foreach (var timer in timers)
            timer.Fire();
    }

    private sealed class Timer(Action callback) : ITimer
    {
        private volatile bool _isArmed;

        public void Fire()
        {
            if (!_isArmed) return;
            _isArmed = false;
            callback();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => _isArmed = dueTime != Timeout.InfiniteTimeSpan;

        public void Dispose() => _isArmed = false;

        public ValueTask DisposeAsync() => default;
    }
}
