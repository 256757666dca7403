namespace MlServe.Hosting;

/// <summary>Work that is nobody's request: it keeps no caller's <see cref="ExecutionContext"/>.</summary>
internal static class Background
{
    /// <summary>Until it is disposed, on the same thread, nothing that is begun keeps this thread's context.</summary>
    public static AsyncFlowControl SuppressFlow() => ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();

    /// <summary>Looks at what a task ends with, if nobody else does.</summary>
    public static void Forget(Task task)
    {
        using var noContext = SuppressFlow();
        _ = LookAtAsync(task);
    }

    private static async Task LookAtAsync(Task task)
    {
        await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ = task.Exception;
    }
}
