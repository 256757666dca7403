namespace MlServe.Threading;

/// <summary>
/// The timers that <see cref="DeadlineThread"/> is to look at, the earliest first: a binary heap from which any may be taken. Not safe for
/// concurrent use.
/// </summary>
internal sealed class DeadlineHeap
{
    private DeadlineTimer[] _timers = new DeadlineTimer[64];

    public int Count { get; private set; }

    public DeadlineTimer? First => Count == 0 ? null : _timers[0];

    /// <summary>Adds a timer, or moves it to another time.</summary>
    public void Set(DeadlineTimer timer, long wakeAt)
    {
        if (timer.Index < 0)
        {
            if (Count == _timers.Length) Array.Resize(ref _timers, Count * 2);
            timer.Index = Count++;
            _timers[timer.Index] = timer;
        }

        timer.WakeAt = wakeAt;
        Restore(timer);
    }

    public void Remove(DeadlineTimer timer)
    {
        if (timer.Index < 0) return;
        var last = _timers[--Count];
        _timers[Count] = null!;
        if (!ReferenceEquals(last, timer))
        {
            Put(last, timer.Index);
            Restore(last);
        }

        timer.Index = -1;
        timer.WakeAt = DeadlineTimer.Never;

        // What a wave of requests has needed is not kept for ever.
        if (_timers.Length > 64 && Count < _timers.Length / 8) Array.Resize(ref _timers, _timers.Length / 4);
    }

    private void Restore(DeadlineTimer timer)
    {
        var index = timer.Index;
        while (index > 0 && _timers[(index - 1) / 2].WakeAt > timer.WakeAt)
        {
            Put(_timers[(index - 1) / 2], index);
            index = (index - 1) / 2;
        }

        while (true)
        {
            var child = (2 * index) + 1;
            if (child >= Count) break;
            if (child + 1 < Count && _timers[child + 1].WakeAt < _timers[child].WakeAt) child++;
            if (_timers[child].WakeAt >= timer.WakeAt) break;
            Put(_timers[child], index);
            index = child;
        }

        Put(timer, index);
    }

    private void Put(DeadlineTimer timer, int index)
    {
        _timers[index] = timer;
        timer.Index = index;
    }
}
