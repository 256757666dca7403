namespace MlServe.Threading;

/// <summary>
/// Moments as a <see cref="TimeProvider"/>'s timestamps, and times as its timers take them: however long, nothing overflows.
/// </summary>
internal static class Timestamps
{
    /// <summary>The longest time that timers take.</summary>
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1.0);

    /// <summary>When a time from now on will be over; <see cref="long.MaxValue"/>: never.</summary>
    public static long After(this TimeProvider clock, TimeSpan time) => After(clock, clock.GetTimestamp(), time);

    /// <summary>When a time from a moment on will be over; <see cref="long.MaxValue"/>: never.</summary>
    public static long After(TimeProvider clock, long now, TimeSpan time)
    {
        var ticks = time.TotalSeconds * clock.TimestampFrequency;
        return ticks < long.MaxValue - now ? now + (long)ticks : long.MaxValue;
    }

    /// <summary>In whole milliseconds, and for a timer that is set again if it was too early.</summary>
    public static TimeSpan ToTimer(TimeSpan left) =>
        left < LongestTimer ? TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)) : LongestTimer;
}
