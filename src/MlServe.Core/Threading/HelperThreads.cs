namespace MlServe.Threading;

/// <summary>
/// Threads for <see cref="UrgentWork"/> that the thread pool does not come to. Started when they are needed, ended when they have had
/// nothing to do for a while; bounded. Threads that run models, waiting code and layers are apart. Waiting code that blocks does not keep
/// models from running, nor do layers keep anybody from its answer.
/// </summary>
internal sealed class HelperThreads
{
    /// <summary>The most threads of a kind.</summary>
    internal const int Most = 64;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Queue<UrgentWork> _queue = new();

    // The last one to rest is the first to be woken, so that those who are not needed end.
    private readonly List<AutoResetEvent> _idle = [];
    private readonly string _name;
    private readonly TimeSpan _patience;
    private int _threads;
    private int _taken;
    private int _takenAtLastLook;
    private bool _hasWaited;

    /// <param name="name">The names of the threads.</param>
    /// <param name="patience">How long a thread without work stays.</param>
    internal HelperThreads(string name, TimeSpan patience)
    {
        _name = name;
        _patience = patience;
    }

    /// <summary>For work that runs models, and calls no waiting code.</summary>
    public static HelperThreads ForRuns { get; } = new("MlServe runs", Idle);

    /// <summary>For answers, and for all other work that may call other people's code, which may block.</summary>
    public static HelperThreads ForAnswers { get; } = new("MlServe answers", Idle);

    /// <summary>
    /// For layers of the application's and what they register, which may block for as long as they like without holding up answers.
    /// </summary>
    public static HelperThreads ForLayers { get; } = new("MlServe layers", Idle);

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
            if (TryWake()) return;
            if (_threads < Environment.ProcessorCount) Start();
        }
    }

    /// <summary>
    /// Starts further threads if the existing ones have taken nothing since the last look: they are blocked, or busy with something long.
    /// </summary>
    internal void GrowIfStuck()
    {
        lock (_gate)
        {
            while (_queue.Count > 0 && TryWake())
            {
            }

            var waits = _queue.Count > 0;
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
        using var signal = new AutoResetEvent(false);
        while (Next(signal) is { } work)
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

    private bool TryWake()
    {
        if (_idle.Count == 0) return false;
        _idle[^1].Set();
        _idle.RemoveAt(_idle.Count - 1);
        return true;
    }

    /// <summary>Waits for work; null if the thread is to end.</summary>
    private UrgentWork? Next(AutoResetEvent signal)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_queue.TryDequeue(out var work))
                {
                    _taken++;
                    return work;
                }

                _idle.Add(signal);
            }

            if (signal.WaitOne(_patience)) continue;
            lock (_gate)
            {
                if (_idle.Remove(signal))
                {
                    _threads--;
                    return null;
                }
            }

            // Somebody has woken it just now, and what was signalled then must not end its next rest: it would stand among those that rest
            // twice.
            signal.Reset();
        }
    }
}
