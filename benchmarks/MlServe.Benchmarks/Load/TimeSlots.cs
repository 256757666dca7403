namespace MlServe.Benchmarks.Load;

/// <summary>How many requests were due in each tenth of a second, and how many of them missed the bound. Safe for concurrent use.</summary>
internal sealed class TimeSlots(double seconds)
{
    public const double SlotSeconds = 0.1;

    private readonly int[] _all = new int[(int)(seconds / SlotSeconds) + 1];
    private readonly int[] _missed = new int[(int)(seconds / SlotSeconds) + 1];

    public void Due(long due) => Interlocked.Increment(ref _all[SlotOf(due)]);

    public void Missed(long due) => Interlocked.Increment(ref _missed[SlotOf(due)]);

    /// <summary>
    /// How long after a moment the bound is kept again: until the beginning of the first window of which 99 % of the requests keep it, in
    /// seconds. Null where there is no such window.
    /// </summary>
    /// <param name="from">The moment at which the load fell, in seconds from the start.</param>
    /// <param name="to">Where the windows must end.</param>
    /// <param name="window">The length of a window, in seconds.</param>
    public double? RecoveryAfter(double from, double to, double window)
    {
        var (first, last) = ((int)Math.Round(from / SlotSeconds), Math.Min(_all.Length, (int)Math.Round(to / SlotSeconds)));
        var width = Math.Max(1, (int)Math.Round(window / SlotSeconds));
        for (var slot = first; slot + width <= last; slot++)
        {
            long all = 0, missed = 0;
            for (var i = slot; i < slot + width; i++)
                (all, missed) = (all + _all[i], missed + _missed[i]);
            if (all > 0 && missed * 100 <= all) return (slot - first) * SlotSeconds;
        }

        return null;
    }

    private int SlotOf(long due) => Math.Min(_all.Length - 1, (int)(due / (SlotSeconds * 1e9)));
}
