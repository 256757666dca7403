namespace MlServe.Benchmarks.Quantization;

/// <summary>Looks at this process's working set every few milliseconds, because the system's own peak cannot be reset.</summary>
internal sealed class WorkingSetPeak : IDisposable
{
    private readonly long _before;
    private readonly Thread _thread;
    private volatile bool _stopped;
    private long _peak;

    public WorkingSetPeak()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        _before = _peak = Environment.WorkingSet;
        _thread = new(Watch) { IsBackground = true, Priority = ThreadPriority.AboveNormal };
        _thread.Start();
    }

    /// <summary>Bytes above those from before.</summary>
    public long Stop()
    {
        _stopped = true;
        _thread.Join();
        return _peak - _before;
    }

    public void Dispose() => Stop();

    private void Watch()
    {
        while (!_stopped)
        {
            _peak = Math.Max(_peak, Environment.WorkingSet);
            Thread.Sleep(2);
        }

        _peak = Math.Max(_peak, Environment.WorkingSet);
    }
}
