using MlServe.Guests;

namespace MlServe.Threading;

/// <summary>Cancels a source elsewhere: what is registered with it may be other people's code, and block.</summary>
internal sealed class UrgentCancel : UrgentWork
{
    private readonly CancellationTokenSource _source;
    private readonly TaskCompletionSource _done = new();

    private UrgentCancel(CancellationTokenSource source) => _source = source;

    /// <summary>Cancels elsewhere on <see cref="DeadlineThread"/>, and here on any other thread.</summary>
    public static void Cancel(CancellationTokenSource source)
    {
        if (DeadlineThread.IsCurrent) _ = CancelAsync(source);
        else source.CancelQuietly();
    }

    /// <summary>Cancels elsewhere; ends when all that is registered has been called, and whoever waits for that goes on there too.</summary>
    public static Task CancelAsync(CancellationTokenSource source)
    {
        if (source.IsCancellationRequested) return Task.CompletedTask;
        var cancel = new UrgentCancel(source);
        cancel.Queue(HelperThreads.ForAnswers);
        return cancel._done.Task;
    }

    protected override void Execute(UrgentPlace place)
    {
        _source.CancelQuietly();
        _done.SetResult();
    }
}
