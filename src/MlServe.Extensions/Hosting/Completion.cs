using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>Something that others wait for, once. They go on elsewhere, and never within the call that completes it.</summary>
internal sealed class Completion
{
    private readonly TaskCompletionSource _source = new();
    private Exception? _failure;
    private int _isComplete;

    /// <summary>Ends when it is complete. Asked for again, it is complete as soon as that has been said.</summary>
    public Task Task => IsComplete && Volatile.Read(ref _failure) is null ? Task.CompletedTask : _source.Task;

    public bool IsComplete => Volatile.Read(ref _isComplete) != 0;

    /// <summary>Says that it is complete. More than once is allowed.</summary>
    public void Complete()
    {
        if (Interlocked.Exchange(ref _isComplete, 1) == 0) _ = UrgentTasks.Run(End);
    }

    /// <summary>Says that it will not be complete, and why. For one that nobody completes.</summary>
    public void Fail(Exception exception)
    {
        Volatile.Write(ref _failure, exception);
        Complete();
    }

    private Task End()
    {
        if (_failure is { } failure) _source.TrySetException(failure);
        else _source.TrySetResult();
        return Task.CompletedTask;
    }
}
