namespace MlServe.Threading;

/// <summary>
/// Work that somebody's answer depends on. It goes to the thread pool like any other. If no thread of the pool comes for it within some
/// milliseconds, because its threads are blocked or busy, a helper thread does (<see cref="StarvationWatch"/>). The first to claim it runs
/// it, so that it runs once each time it is queued. An object may be queued again as soon as it has begun to run; the pool holds it once at
/// most.
/// </summary>
internal abstract class UrgentWork : IThreadPoolWorkItem
{
    private HelperThreads? _helpers;
    private int _isQueued;
    private int _isInPool;
    private int _isWithHelpers;
    private int _isWatched;
    private int _queuedAt;

    /// <summary>Whether nobody has begun with it.</summary>
    internal bool IsQueued => Volatile.Read(ref _isQueued) != 0;

    /// <summary>The count of <see cref="StarvationWatch"/> when it was queued last.</summary>
    internal int QueuedAt => Volatile.Read(ref _queuedAt);

    void IThreadPoolWorkItem.Execute()
    {
        // A full fence: either whoever queues it now sees that the pool no longer has it, or this sees that it is queued.
        Interlocked.Exchange(ref _isInPool, 0);
        TryExecute(UrgentPlace.PoolThread);
    }

    /// <summary>Runs it if nobody has begun with it.</summary>
    internal void TryExecute(UrgentPlace place)
    {
        if (Interlocked.Exchange(ref _isQueued, 0) != 0) Execute(place);
    }

    /// <summary>A helper thread runs it if it comes first. Work that has been queued anew meanwhile may be for other helpers.</summary>
    internal void TryHelp(HelperThreads helpers)
    {
        Interlocked.Exchange(ref _isWithHelpers, 0);
        if (ReferenceEquals(helpers, _helpers)) TryExecute(StarvationWatch.IsLate(this) ? UrgentPlace.LateHelper : UrgentPlace.Helper);
        else if (IsQueued) CallHelpers();
    }

    /// <summary>Gives it to the helpers, unless it is theirs already.</summary>
    internal void CallHelpers()
    {
        if (Interlocked.Exchange(ref _isWithHelpers, 1) == 0) _helpers!.Add(this);
    }

    internal bool TryWatch() => Volatile.Read(ref _isWatched) == 0 && Interlocked.Exchange(ref _isWatched, 1) == 0;

    internal void EndWatch() => Interlocked.Exchange(ref _isWatched, 0);

    /// <summary>Marks it as queued for the one that it is about to be handed to.</summary>
    /// <param name="helpers">The threads that run it if that one does not.</param>
    internal void Mark(HelperThreads helpers)
    {
        _helpers = helpers;
        Volatile.Write(ref _queuedAt, StarvationWatch.Count);
        Interlocked.Exchange(ref _isQueued, 1);
    }

    /// <summary>Hands work that is marked, and still queued, to the pool.</summary>
    internal void ToPool(bool preferLocal = false)
    {
        if (Interlocked.Exchange(ref _isInPool, 1) == 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal);
        if (StarvationWatch.IsStarved) CallHelpers();
        StarvationWatch.Watch(this);
    }

    /// <param name="helpers">The threads that run it if the pool does not come to it.</param>
    /// <param name="preferLocal">As for the pool.</param>
    protected void Queue(HelperThreads helpers, bool preferLocal = false)
    {
        Mark(helpers);
        ToPool(preferLocal);
    }

    protected abstract void Execute(UrgentPlace place);
}
