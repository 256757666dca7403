using System.Diagnostics.CodeAnalysis;

namespace MlServe.Threading;

/// <summary>
/// Work that others' answers depend on. It goes to the thread pool. Callers may block the pool, so a helper thread takes it after some
/// milliseconds. It keeps nothing of its caller's context. Safe for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public static class UrgentTasks
{
    /// <summary>Begins a task, which may block, elsewhere.</summary>
    /// <param name="begin">Makes the task.</param>
    /// <returns>Ends as the task does.</returns>
    public static Task Run(Func<Task> begin)
    {
        ArgumentNullException.ThrowIfNull(begin);
        return UrgentTask.Run(begin);
    }

    /// <summary>Waits for a task, for a time at most.</summary>
    /// <param name="task">The task. Its end is not looked at.</param>
    /// <param name="limit">How long.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Whether the task has ended, in whichever way.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before the task had ended.</exception>
    public static Task<bool> WaitForAsync(Task task, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(time);
        return UrgentDelay.WaitForAsync(task, limit, time, cancellationToken);
    }

    /// <summary>
    /// Cancels a source that others may have registered code with. Exceptions of that code are counted, and go no further.
    /// </summary>
    /// <param name="source">The source; one that has been disposed of is let be.</param>
    public static void Cancel(CancellationTokenSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        UrgentCancel.Cancel(source);
    }

    /// <summary>The same elsewhere, because the registered code may block.</summary>
    /// <param name="source">The source.</param>
    /// <returns>Ends when all that is registered has been called; at once if it had been cancelled before.</returns>
    public static Task CancelAsync(CancellationTokenSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return UrgentCancel.CancelAsync(source);
    }

    /// <summary>
    /// Cancels a source when a time is over, and not before, although the clock's timers may be early; also if the pool is blocked.
    /// </summary>
    /// <param name="source">The source.</param>
    /// <param name="delay">How long.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Disposed before, it does not happen.</returns>
    public static IDisposable CancelAfter(CancellationTokenSource source, TimeSpan delay, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(time);
        return UrgentCancel.After(source, delay, time);
    }
}
