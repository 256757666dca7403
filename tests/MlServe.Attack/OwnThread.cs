namespace MlServe.Attack;

/// <summary>Work on a thread of its own, of callers that block and of those who must not wait for the thread pool.</summary>
internal static class OwnThread
{
    /// <summary>Runs it to its end; the task has what it threw.</summary>
    public static Task Run(Action run)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                run();
                done.SetResult();
            }
#pragma warning disable CA1031 // Told in the report.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                done.SetException(exception);
            }
        }, 512 * 1024)
        { IsBackground = true }.Start();
        return done.Task;
    }
}
