using MlServe.Guests;

namespace MlServe.Batching;

/// <summary>A thread of one runner's own, for runs too long for the thread pool. It sleeps while there is nothing to do.</summary>
#pragma warning disable CA1001 // The semaphore makes no handle, and a caller who is late may still signal it.
internal sealed class RunnerThread
{
    private readonly SemaphoreSlim _signal = new(0);
    private readonly BatchRunner _runner;
    private volatile bool _isEnding;

    public RunnerThread(BatchRunner runner, string model)
    {
        _runner = runner;

        // Without the context of the caller who happened to be first.
        new Thread(Loop) { IsBackground = true, Name = $"MlServe {model}" }.UnsafeStart();
    }

    public void Signal() => _signal.Release();

    /// <summary>Ends the thread.</summary>
    public void End()
    {
        _isEnding = true;
        _signal.Release();
    }

    private void Loop()
    {
        while (true)
        {
            try
            {
                _signal.Wait();
                if (_isEnding) break;
                _runner.Execute(goesOnHere: false);
            }
#pragma warning disable CA1031 // The last net; the thread has other batches to run.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                GuestReports.OfProcess.Add(Guest.Own, exception);
            }
        }
    }
}
