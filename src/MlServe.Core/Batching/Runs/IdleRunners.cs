namespace MlServe.Batching;

/// <summary>The runners that rest.</summary>
internal sealed class IdleRunners
{
    private readonly Lock _gate = new();
    private readonly Stack<BatchRunner> _idle;
    private readonly BatchRunner[] _all;
    private int _count;
    private bool _hasEnded;

    public IdleRunners(BatchScheduler scheduler, BatchContext context)
    {
        _all = [.. Enumerable.Range(0, context.Lanes).Select(_ => new BatchRunner(scheduler, context))];
        _idle = new(_all);
        _count = _all.Length;
    }

    public bool AreAllIdle => Volatile.Read(ref _count) == _all.Length;

    public void Push(BatchRunner runner)
    {
        lock (_gate)
        {
            _idle.Push(runner);
            Volatile.Write(ref _count, _idle.Count);
        }
    }

    public BatchRunner? TryPop()
    {
        // Under load nobody is idle, and finding that out must cost nothing.
        if (Volatile.Read(ref _count) == 0) return null;
        lock (_gate)
        {
            if (_hasEnded || !_idle.TryPop(out var runner)) return null;
            Volatile.Write(ref _count, _idle.Count);
            return runner;
        }
    }

    /// <summary>Lets all rest for ever and ends their own threads; false if one is at work, or all have been ended before.</summary>
    public bool TryEnd()
    {
        lock (_gate)
        {
            if (_hasEnded || _idle.Count < _all.Length) return false;

            // A caller whose request has been answered before it came to wake a runner finds none.
            _hasEnded = true;
        }

        foreach (var runner in _all)
            runner.End();
        return true;
    }
}
