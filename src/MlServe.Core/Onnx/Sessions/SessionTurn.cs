using MlServe.Threading;

namespace MlServe.Onnx;

/// <summary>
/// Sessions are made one at a time, because concurrent creation is reported unsafe (onnxruntime 27089). The known cases are races in the
/// first use of execution providers (onnxruntime 32461). A session that takes long gives the turn on, so that one model does not keep all
/// others from loading.
/// </summary>
internal sealed class SessionTurn : IDisposable
{
    /// <summary>
    /// After which the next may begin: far beyond the time that a provider takes to come up, and that a model takes whose making ends.
    /// </summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private static readonly SemaphoreSlim Turns = new(1, 1);

    private readonly ITimer _timer;
    private int _isOver;

    private SessionTurn(TimeProvider time)
    {
        _timer = time.CreateDeadlineTimer(static turn => ((SessionTurn)turn!).End(), this);
        _timer.Change(Longest, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Waits for a turn; to be disposed when the session is made.</summary>
    /// <exception cref="OperationCanceledException">The waiting was given up.</exception>
    public static SessionTurn Take(TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        Turns.Wait(cancellationToken);
        try
        {
            return new(time ?? TimeProvider.System);
        }
        catch
        {
            Turns.Release();
            throw;
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        End();
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0) Turns.Release();
    }
}
