using System.Runtime.CompilerServices;
using MlServe.Guests;

namespace MlServe.Threading;

/// <summary>
/// The end of a task, in any way, to be awaited if an answer depends on it. An ordinary await of a task that ends just while it begins to
/// be awaited goes on on the pool, which may be blocked. This one goes on at once, on the thread that awaits. Look at the task for how it
/// ended.
/// </summary>
internal readonly struct UrgentEnd(Task task) : ICriticalNotifyCompletion
{
    public bool IsCompleted => task.IsCompleted;

    /// <summary>Waits for the end of a task.</summary>
    public static UrgentEnd Of(Task task) => new(task);

    public UrgentEnd GetAwaiter() => this;

    /// <summary>Throws nothing.</summary>
    public void GetResult()
    {
    }

    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation)
    {
        // Who awaits keeps its own context.
        using var noContext = Background.SuppressFlow();
        _ = task.ContinueWith(
            static (_, continuation) => ((Action)continuation!)(), continuation, CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously | TaskContinuationOptions.DenyChildAttach, TaskScheduler.Default);
    }
}
