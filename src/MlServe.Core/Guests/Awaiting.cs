namespace MlServe.Guests;

/// <summary>How code that waits for a result goes on: in its context, or, where that takes no work, on the thread pool; and who may read the result.</summary>
internal static class Awaiting
{
    /// <summary>The source whose result the code that now goes on on this thread may read.</summary>
    [ThreadStatic]
    private static object? _reader;

    /// <summary>The source whose result the code that now goes on on this thread may not read.</summary>
    [ThreadStatic]
    private static object? _refused;

    /// <summary>Code that waits, and goes on once.</summary>
    internal interface IWaiter
    {
        void GoOn();
    }

    public static InvalidOperationException Twice() =>
        new("The value task of a prediction was awaited twice, or its result was read before it had completed. Await it once, or call AsTask() once and await the task.");

    /// <summary>What an await captures, or null where any thread will do.</summary>
    public static object? FindContext()
    {
        if (SynchronizationContext.Current is { } context && context.GetType() != typeof(SynchronizationContext)) return context;
        return TaskScheduler.Current is { } scheduler && scheduler != TaskScheduler.Default ? scheduler : null;
    }

    public static object? BeginRead(object source)
    {
        var former = _reader;
        _reader = source;
        return former;
    }

    public static void EndRead(object? former) => _reader = former;

    public static bool TryRead(object source)
    {
        if (!ReferenceEquals(_reader, source)) return false;
        _reader = null;
        return true;
    }

    public static bool TakeRefusal(object source)
    {
        if (!ReferenceEquals(_refused, source)) return false;
        _refused = null;
        return true;
    }

    /// <summary>
    /// Lets the second that waits for a source go on at once, on its own thread, to find that it may not read. Code that is no async method is told here.
    /// </summary>
    public static void Refuse(object source, Action<object?> continuation, object? state)
    {
        if (state is Action) throw Twice();
        var former = _refused;
        _refused = source;
        try
        {
            continuation(state);
        }
        finally
        {
            _refused = former;
        }
    }

    /// <summary>Lets code go on in its context.</summary>
    /// <param name="context">A synchronization context or a task scheduler.</param>
    /// <param name="waiter">The code.</param>
    /// <param name="isAction">Whether the code keeps no execution context itself, so that the present one is its own.</param>
    public static void Post(object context, IWaiter waiter, bool isAction)
    {
        var work = new Work(waiter);
        try
        {
            if (context is SynchronizationContext synchronization) synchronization.Post(static work => ((Work)work!).Run(), work);
            else _ = Task.Factory.StartNew(static work => ((Work)work!).Run(), work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, (TaskScheduler)context);
        }
#pragma warning disable CA1031 // The result is there, and whoever gives it has others to answer.
        catch (Exception exception) when (!work.HasRun)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Context, exception);
            if (isAction) ThreadPool.QueueUserWorkItem(static work => work.Run(), work, preferLocal: false);
            else ThreadPool.UnsafeQueueUserWorkItem(static work => work.Run(), work, preferLocal: false);
        }
    }

    /// <summary>Runs once, also where a context both throws and takes it.</summary>
    private sealed class Work(IWaiter waiter)
    {
        private int _hasRun;

        public bool HasRun => Volatile.Read(ref _hasRun) != 0;

        public void Run()
        {
            if (Interlocked.Exchange(ref _hasRun, 1) == 0) waiter.GoOn();
        }
    }
}
