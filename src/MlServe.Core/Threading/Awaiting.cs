using MlServe.Guests;

namespace MlServe.Threading;

/// <summary>The way in which code that waits for a result goes on in its context, and the permission to read the result.</summary>
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

        /// <summary>On another thread, whichever.</summary>
        void GoOnElsewhere();
    }

    public static InvalidOperationException Twice() =>
        new("The value task of a prediction was awaited twice, or its result was read before it had completed. Await it once, or call "
            + "AsTask() once and await the task.");

    /// <summary>The context that an await captures, or null if any thread will do.</summary>
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
    /// Lets the second that waits for a source go on at once, on its own thread, to find that it may not read. It must not throw here:
    /// async methods throw exceptions from here on the thread pool, which ends the process. Code that is no async method is told here.
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

    /// <summary>
    /// Lets code go on in its context. If that takes no work, it goes on elsewhere, because the waiting code must hear of the answer all
    /// the same.
    /// </summary>
    /// <param name="context">A synchronization context or a task scheduler.</param>
    /// <param name="waiter">The code.</param>
    public static void Post(object context, IWaiter waiter)
    {
        var work = new Work(waiter);
        try
        {
            if (context is SynchronizationContext synchronization) synchronization.Post(static work => ((Work)work!).Run(), work);
            else
                _ = Task.Factory.StartNew(
                    static work => ((Work)work!).Run(), work, CancellationToken.None, TaskCreationOptions.DenyChildAttach,
                    (TaskScheduler)context);
        }
#pragma warning disable CA1031 // The context is the caller's, and may be dead; whoever answers has others to answer.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (work.TryBegin())
            {
                GuestReports.OfProcess.Add(Guest.Context, exception);
                waiter.GoOnElsewhere();
            }
            else
            {
                // The waiting code's own, from a context that runs it within the call: as if the pool had run it.
                Unhandled.Throw(exception);
            }
        }
    }

    /// <summary>Runs once, also if a context both takes it and throws.</summary>
    private sealed class Work(IWaiter waiter)
    {
        private int _hasBegun;

        public bool TryBegin() => Interlocked.Exchange(ref _hasBegun, 1) == 0;

        public void Run()
        {
            if (TryBegin()) waiter.GoOn();
        }
    }
}
