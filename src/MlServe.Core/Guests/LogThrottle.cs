namespace MlServe.Guests;

/// <summary>Lets one log entry of a kind through in a window of time and counts the others. Safe for concurrent use.</summary>
internal sealed class LogThrottle(int kinds, TimeSpan window, TimeProvider time)
{
    private readonly Slot[] _slots = [.. Enumerable.Repeat(new Slot { LastLogged = long.MinValue }, kinds)];

    /// <param name="kind">From 0.</param>
    /// <param name="suppressed">How many of the kind were held back since the last that was let through.</param>
    public bool TryPass(int kind, out long suppressed)
    {
        ref var slot = ref _slots[kind];
        suppressed = 0;
        var now = time.GetTimestamp();
        var last = Volatile.Read(ref slot.LastLogged);
        var isOpen = last == long.MinValue || time.GetElapsedTime(last, now) >= window;
        if (!isOpen || Interlocked.CompareExchange(ref slot.LastLogged, now, last) != last)
        {
            Interlocked.Increment(ref slot.Suppressed);
            return false;
        }

        suppressed = Interlocked.Exchange(ref slot.Suppressed, 0);
        return true;
    }

    private struct Slot
    {
        public long LastLogged;
        public long Suppressed;
    }
}
