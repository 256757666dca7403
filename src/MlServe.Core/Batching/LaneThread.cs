namespace MlServe.Batching;

/// <summary>A thread of one runner's own, for runs too long for the thread pool. It sleeps while there is nothing to do.</summary>
internal sealed class LaneThread : IDisposable
{
    private readonly SemaphoreSlim _signal = new(0);
    private readonly BatchRunner _runner;
    private volatile bool _isEnding;

    public LaneThread(BatchRunner runner, string model)
    {
        _runner = runner;
        new Thread(Loop) { IsBackground = true, Name = $"MlServe {model}" }.Start();
    }

    public void Signal() => _signal.Release();

    public void Dispose()
    {
        _isEnding = true;
        _signal.Release();
    }

    private void Loop()
    {
        while (true)
        {
            _signal.Wait();
            if (_isEnding) break;
            _runner.Execute();
        }

        _signal.Dispose();
    }
}
