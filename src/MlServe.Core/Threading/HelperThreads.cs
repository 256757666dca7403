namespace MlServe.Threading;

/// <summary>
/// Threads for <see cref="UrgentWork"/> that the thread pool does not come to. Started when they are needed, ended when they have had nothing to do for a while; bounded. Those that
/// run models and those that run other code are apart, so that waiting code which blocks does not keep models from running.
/// </summary>
internal sealed class HelperThreads
{
    /// <summary>The most threads of a kind.</summary>
    internal const int Most = 64;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    // Not a Lock, because it is waited on.
    private readonly object _gate = new();
    private readonly Queue<UrgentWork> _queue = new();
    private readonly string _name;
    private int _threads;
    private int _idle;
    private int _taken;
    private int _takenAtLastLook;
    private bool _hasWaited;

    private HelperThreads(string name) => _name = name;

    /// <summary>For work that runs models, and calls no waiting code.</summary>
    public static HelperThreads ForRuns { get; } = new("MlServe runs");

    /// <summary>For answers, and whatever else may call other people's code, which may block.</summary>
    public static HelperThreads ForAnswers { get; } = new("MlServe answers");

    internal int Threads
    {
        get
        {
            lock (_gate)
                return _threads;
        }
    }

    internal void Add(UrgentWork work)
    {
        lock (_gate)
        {
            _queue.Enqueue(work);
            if (_queue.Count > _idle && _threads < Environment.ProcessorCount) Start();
            else Monitor.Pulse(_gate);
        }
    }

    /// <summary>Starts further threads where those that there are have not taken anything since the last look: they are blocked, or busy with something long.</summary>
    internal void GrowIfStuck()
    {
        lock (_gate)
        {
            var waits = _queue.Count > _idle;
            var isStuck = waits && _hasWaited && _taken == _takenAtLastLook;
            (_hasWaited, _takenAtLastLook) = (waits, _taken);
            if (!isStuck) return;
            for (var more = Math.Min(Math.Min(_queue.Count, Math.Max(1, _threads)), Most - _threads); more > 0; more--)
                Start();
        }
    }

    private void Start()
    {
        try
        {
            new Thread(Loop) { IsBackground = true, Name = _name }.UnsafeStart();
            _threads++;
        }
#pragma warning disable CA1031 // There is no thread to be had now. Those that there are go on, and the next look tries again.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    private void Loop()
    {
        var context = ExecutionContext.Capture()!;
        while (Next() is { } work)
        {
            try
            {
                work.TryHelp(this);
            }
#pragma warning disable CA1031 // Somebody else's; the thread is needed by others.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Unhandled.Throw(exception);
            }

            // What other people's code has left behind is not the next one's. The pool does the same between its work items.
            if (!ReferenceEquals(ExecutionContext.Capture(), context)) ExecutionContext.Restore(context);
            if (SynchronizationContext.Current is not null) SynchronizationContext.SetSynchronizationContext(null);
        }
    }

    /// <summary>Waits for work; null where the thread is to end.</summary>
    private UrgentWork? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_queue.TryDequeue(out var work))
                {
                    _taken++;
                    return work;
                }

                _idle++;
                var isWoken = Monitor.Wait(_gate, Idle);
                _idle--;
                if (isWoken || _queue.Count > 0) continue;
                _threads--;
                return null;
            }
        }
    }
}
