using System.Runtime.CompilerServices;

namespace MlServe.Guests;

/// <summary>
/// A clock of the application's that may throw. If it does, time goes on from the last reading at the system's pace, and the system's
/// timers take the place of its own. The system's clock needs no guard.
/// </summary>
internal sealed class GuardedTime : TimeProvider
{
    private static readonly ConditionalWeakTable<TimeProvider, GuardedTime> Known = [];

    private readonly TimeProvider _inner;
    private readonly long _frequency;
    private long _last = long.MinValue;
    private Stop? _stop;

    private GuardedTime(TimeProvider inner)
    {
        _inner = inner;
        _frequency = FrequencyOf(inner);
    }

    public override long TimestampFrequency => _frequency;

    public override TimeZoneInfo LocalTimeZone => System.LocalTimeZone;

    /// <summary>The clock to use for one that may be anybody's: the same guard for the same clock.</summary>
    public static TimeProvider Of(TimeProvider? time) => time switch
    {
        null => System,
        GuardedTime => time,
        _ => ReferenceEquals(time, System) ? time : Known.GetValue(time, static time => new(time)),
    };

    public override long GetTimestamp()
    {
        try
        {
            var now = _inner.GetTimestamp();
            Volatile.Write(ref _last, now);
            if (_stop is not null) _stop = null;
            return now;
        }
#pragma warning disable CA1031 // Whoever asks for the time needs one.
        catch (Exception exception)
        {
            GuestReports.OfProcess.Add(Guest.Clock, exception);
            return GoOn();
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        try
        {
            return _inner.GetUtcNow();
        }
        catch (Exception exception)
        {
            GuestReports.OfProcess.Add(Guest.Clock, exception);
            return System.GetUtcNow();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        return new GuardedTimer(_inner, callback, state, dueTime, period);
    }

    private static long FrequencyOf(TimeProvider time)
    {
        try
        {
            if (time.TimestampFrequency is > 0 and var frequency) return frequency;
        }
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Clock, exception);
        }

        return System.TimestampFrequency;
    }

    /// <summary>The reading that the clock would give, had it gone on at the system's pace since it was last read.</summary>
    private long GoOn()
    {
        var now = System.GetTimestamp();
        var stop = Volatile.Read(ref _stop);
        if (stop is null)
        {
            var last = Volatile.Read(ref _last);
            stop = new(last == long.MinValue ? Scaled(now) : last, now);
            stop = Interlocked.CompareExchange(ref _stop, stop, null) ?? stop;
        }

        return stop.At + Scaled(now - stop.SystemsTime);
    }

    private long Scaled(long systemsTicks) => (long)(systemsTicks * ((double)_frequency / System.TimestampFrequency));

    private sealed record Stop(long At, long SystemsTime);
}
