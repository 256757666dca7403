namespace MlServe.Guests;

/// <summary>
/// Work that is nobody's request. It keeps no caller's <see cref="ExecutionContext"/>, which would show it the tenant or the activity of
/// the caller that happened to begin it.
/// </summary>
internal static class Background
{
    /// <summary>Until it is disposed, on the same thread, nothing that is begun keeps this thread's context.</summary>
    public static AsyncFlowControl SuppressFlow() => ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();

    public static Task Run(Func<Task> work)
    {
        using var noContext = SuppressFlow();
        return Task.Run(work, CancellationToken.None);
    }

    /// <inheritdoc cref="Run(Func{Task})" />
    public static Task<T> Run<T>(Func<Task<T>> work)
    {
        using var noContext = SuppressFlow();
        return Task.Run(work, CancellationToken.None);
    }

    /// <summary>Runs work that may block for long, on a thread of its own.</summary>
    public static Task<T> RunLong<T>(Func<T> work)
    {
        using var noContext = SuppressFlow();
        return Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Looks at what a task ends with, and does something then, which is short and does not throw.</summary>
    public static void Then(Task task, Action action)
    {
        using var noContext = SuppressFlow();
        _ = task.ContinueWith(
            late =>
            {
                _ = late.Exception;
                action();
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Looks at what a task ends with, if nobody else does.</summary>
    public static void Forget(Task task)
    {
        using var noContext = SuppressFlow();
        _ = task.ContinueWith(
            static late => _ = late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    public static CancellationTokenRegistration Register(Action callback, CancellationToken token) =>
        token.UnsafeRegister(static callback => ((Action)callback!)(), callback);

    /// <summary>Does something in which a guest is called, and goes on even if that throws.</summary>
    public static void Quietly(Guest guest, Action action)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(guest, exception);
        }
    }
}
