namespace MlServe.Threading;

/// <summary>
/// A thread that waits in a synchronous call. Meanwhile it runs the work that its own call needs: the batch of its rows, its turn at the
/// gate, its answer's way through the layers. So the call needs no thread of the pool. One for each thread, reused; a
/// <see cref="WaiterTicket"/> tells its calls apart.
/// </summary>
#pragma warning disable CA1001 // Lives as long as its thread.
internal sealed class SyncWaiter
#pragma warning restore CA1001
{
    [ThreadStatic]
    private static SyncWaiter? _own;

    [ThreadStatic]
    private static SyncWaiter? _current;

    private readonly Lock _gate = new();

    // Half as dear as a monitor. One for each thread that has ever waited; the garbage collector closes it after the thread.
    private readonly AutoResetEvent _signal = new(false);
    private readonly Queue<UrgentWork> _work = new();
    private readonly Action _complete;
    private int _call;
    private bool _isOpen;
    private bool _isAnswered;
    private bool _isComplete;
    private Thread? _thread;

    public SyncWaiter() => _complete = Complete;

    /// <summary>The ticket of the synchronous call that this thread has just begun; one of nobody if there is none.</summary>
    public static WaiterTicket Current => _current is { } waiter ? new(waiter, waiter._call) : default;

    /// <summary>
    /// Begins a call and waits for it on this thread. No synchronization context is seen by it: it could take no work while this thread
    /// waits.
    /// </summary>
    public static TResult Call<TState, TResult>(TState state, Func<TState, ValueTask<TResult>> begin)
    {
        var context = SynchronizationContext.Current;
        if (context is not null) SynchronizationContext.SetSynchronizationContext(null);

        // Called from within another one, whose work is being run.
        var waiter = _own ?? new();
        var outer = _current;
        _own = null;
        try
        {
#pragma warning disable CA2012 // Awaited by hand: asked for its result once, when it is there.
            var pending = waiter.Begin(state, begin);
            if (!pending.IsCompleted) waiter.Wait(pending);
            return pending.GetAwaiter().GetResult();
#pragma warning restore CA2012
        }
        finally
        {
            waiter.End();
            (_own, _current) = (waiter, outer);
            if (context is not null) SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>Takes work that a call depends on. False if the call no longer needs it, or its thread has other things to do.</summary>
    internal bool TryAdd(int call, UrgentWork work, HelperThreads helpers, bool isRun)
    {
        lock (_gate)
        {
            if (!_isOpen || call != _call || (isRun && _isAnswered)) return false;
            work.Mark(helpers);
            _work.Enqueue(work);
        }

        if (!ReferenceEquals(_thread, Thread.CurrentThread)) _signal.Set();

        // The thread may be held up in somebody's layer.
        StarvationWatch.Watch(work);
        return true;
    }

    /// <summary>Says that the call has its answer: its thread runs models for nobody else.</summary>
    internal void Answered(int call)
    {
        lock (_gate)
        {
            if (call == _call) _isAnswered = true;
        }
    }

    internal bool IsOn(int call) => ReferenceEquals(_thread, Thread.CurrentThread) && call == _call;

    private ValueTask<TResult> Begin<TState, TResult>(TState state, Func<TState, ValueTask<TResult>> begin)
    {
        lock (_gate)
        {
            _call++;
            (_isOpen, _isAnswered, _isComplete) = (true, false, false);
        }

        _thread = Thread.CurrentThread;
        _current = this;
        try
        {
            return begin(state);
        }
        finally
        {
            _current = null;
        }
    }

    private void Wait<TResult>(ValueTask<TResult> pending)
    {
        pending.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_complete);
        var isInterrupted = false;
        while (Next(ref isInterrupted) is { } work)
        {
            try
            {
                work.TryExecute(UrgentPlace.Waiter);
            }
#pragma warning disable CA1031 // Of somebody else's waiting code: this call's own comes with its answer.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Unhandled.Throw(exception);
            }
        }

        if (isInterrupted) Thread.CurrentThread.Interrupt();
    }

    /// <summary>Waits for something to run; null when the call is complete.</summary>
    private UrgentWork? Next(ref bool isInterrupted)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_isComplete) return null;
                if (_work.TryDequeue(out var work)) return work;
            }

            try
            {
                _signal.WaitOne();
            }
            catch (ThreadInterruptedException)
            {
                // The model still reads the caller's memory.
                isInterrupted = true;
            }
        }
    }

    private void Complete()
    {
        lock (_gate)
            _isComplete = true;

        // By the thread itself most of the time, which does not wait then.
        if (!ReferenceEquals(_thread, Thread.CurrentThread)) _signal.Set();
    }

    private void End()
    {
        while (true)
        {
            UrgentWork? left;
            lock (_gate)
            {
                _isOpen = false;
                if (!_work.TryDequeue(out left)) return;
            }

            if (left.IsQueued) left.ToPool();
        }
    }
}
