namespace MlServe.Batching;

/// <summary>The thread on which rows are run again; made for the first of them. It sleeps while there is none.</summary>
#pragma warning disable CA1001 // The semaphore makes no handle, and a runner who is late may still signal it.
internal sealed class RecheckThread(BatchRecheck recheck, string model)
{
    private readonly SemaphoreSlim _signal = new(0);
    private int _isMade;
    private int _isSignalled;
    private volatile bool _isEnding;

    public void Wake()
    {
        if (Interlocked.Exchange(ref _isMade, 1) == 0)
        {
            // Without the context of the caller who happened to be first. Where the system knows no priorities, the gate alone keeps it out
            // of the way.
            new Thread(Loop) { IsBackground = true, Name = $"MlServe recheck of {model}", Priority = ThreadPriority.Lowest }.UnsafeStart();
        }

        if (Interlocked.Exchange(ref _isSignalled, 1) == 0) _signal.Release();
    }

    public void End()
    {
        _isEnding = true;
        if (Interlocked.Exchange(ref _isSignalled, 1) == 0) _signal.Release();
    }

    private void Loop()
    {
        while (true)
        {
            _signal.Wait();

            // A full fence: either whoever signals next sees that the thread has taken notice, or the thread sees what that one had to say.
            Interlocked.Exchange(ref _isSignalled, 0);
            if (_isEnding) return;
            recheck.TryRun();
        }
    }
}
