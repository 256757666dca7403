using MlServe.Guests;

namespace MlServe.Threading;

/// <summary>Makes timers for deadlines.</summary>
internal static class DeadlineTimers
{
    /// <summary>
    /// Makes a timer that is not set yet and keeps nothing of its caller's context. Of the system's clock it comes due on
    /// <see cref="DeadlineThread"/>, of any other as that clock has it.
    /// </summary>
    /// <param name="time">The clock.</param>
    /// <param name="callback">Short, and calls nobody else's code.</param>
    /// <param name="state">Goes to the callback.</param>
    public static ITimer CreateDeadlineTimer(this TimeProvider time, TimerCallback callback, object? state)
    {
        if (ReferenceEquals(time, TimeProvider.System)) return new DeadlineTimer(callback, state);
        using var noContext = Background.SuppressFlow();
        return time.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
