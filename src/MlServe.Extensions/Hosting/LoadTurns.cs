using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>
/// Lets so many models load at once. A load that takes long gives its turn on, so that models which hang do not keep all others from
/// loading.
/// </summary>
// It holds nothing of the operating system's, and who waits for a semaphore that is disposed of waits for ever.
#pragma warning disable CA1001
internal sealed class LoadTurns(int count, TimeProvider time)
#pragma warning restore CA1001
{
    /// <summary>After which the next may begin.</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _free = new(count);

    /// <summary>Waits for a turn; to be disposed when the load has ended.</summary>
    public async Task<IDisposable> TakeAsync(CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return new Turn(_free, time);
        }
        catch
        {
            _free.Release();
            throw;
        }
    }

#pragma warning disable CA1001 // Its source may be cancelled when the turn has ended, and holds nothing.
    private sealed class Turn : IDisposable
#pragma warning restore CA1001
    {
        private readonly SemaphoreSlim _free;
        private readonly CancellationTokenSource _late = new();
        private readonly IDisposable _patience;
        private int _isOver;

        public Turn(SemaphoreSlim free, TimeProvider time)
        {
            _free = free;
            _ = _late.Token.UnsafeRegister(static turn => ((Turn)turn!).End(), this);
            _patience = UrgentTasks.CancelAfter(_late, Longest, time);
        }

        public void Dispose()
        {
            _patience.Dispose();
            End();
        }

        private void End()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0) _free.Release();
        }
    }
}
