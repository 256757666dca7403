namespace MlServe.Fakes;

/// <summary>The system's clock, on which all goes faster, timers too.</summary>
internal sealed class FastTime(int factor = 20) : TimeProvider
{
    private readonly long _start = System.GetTimestamp();

    public override long GetTimestamp() => _start + ((System.GetTimestamp() - _start) * factor);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        System.CreateTimer(callback, state, Faster(dueTime), Faster(period));

    private TimeSpan Faster(TimeSpan time) => time < TimeSpan.Zero ? time : time / factor;
}
