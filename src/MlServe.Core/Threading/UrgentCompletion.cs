namespace MlServe.Threading;

/// <summary>Something that others wait for, once. They go on on the pool, or on a helper thread, and never within the call that completes it.</summary>
internal sealed class UrgentCompletion : UrgentWork
{
    private readonly TaskCompletionSource _source = new();
    private int _isComplete;

    /// <summary>Ends when it is complete. Asked for again, it is complete as soon as that has been said.</summary>
    public Task Task => Volatile.Read(ref _isComplete) != 0 ? Task.CompletedTask : _source.Task;

    public bool IsComplete => Volatile.Read(ref _isComplete) != 0;

    /// <summary>Says that it is complete. More than once is allowed.</summary>
    public void Complete()
    {
        if (Interlocked.Exchange(ref _isComplete, 1) == 0) Queue(HelperThreads.ForAnswers);
    }

    protected override void Execute(UrgentPlace place) => _source.TrySetResult();
}
