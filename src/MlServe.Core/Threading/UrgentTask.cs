namespace MlServe.Threading;

/// <summary>Begins tasks elsewhere: on the pool, or on a helper thread if the pool does not come to it.</summary>
internal static class UrgentTask
{
    /// <summary>Begins a task, which may block, without its caller's context.</summary>
    public static Task Run(Func<Task> begin) => Run(
        async () =>
        {
            await begin().ConfigureAwait(false);
            return true;
        },
        null);

    /// <summary>Begins a task, which may block, in its caller's context.</summary>
    public static Task<T> RunInContext<T>(Func<Task<T>> begin) => Run(begin, ExecutionContext.Capture());

    private static Task<T> Run<T>(Func<Task<T>> begin, ExecutionContext? context)
    {
        var work = new Work<T>(begin, context);
        work.Begin();
        return work.Task;
    }

    private sealed class Work<T>(Func<Task<T>> begin, ExecutionContext? context) : UrgentWork
    {
        private readonly TaskCompletionSource<Task<T>> _begun = new();

        public Task<T> Task => _begun.Task.Unwrap();

        public void Begin() => Queue(HelperThreads.ForAnswers);

        protected override void Execute(UrgentPlace place)
        {
            if (context is null) Start();
            else ExecutionContext.Run(context, static work => ((Work<T>)work!).Start(), this);
        }

        private void Start()
        {
            try
            {
                _begun.SetResult(begin());
            }
#pragma warning disable CA1031 // It is the task's.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _begun.SetException(exception);
            }
        }
    }
}
