using MlServe.Guests;

namespace MlServe;

/// <summary>The events of one host: keeps the last, and hands each to all that listen. Safe for concurrent use.</summary>
public sealed class ModelEvents : IModelEvents
{
    /// <summary>How many events are kept for <see cref="Recent"/>.</summary>
    public const int MaxRecent = 256;

    /// <summary>How many events may wait for one listener.</summary>
    public const int MaxWaiting = 256;

    /// <summary>How many may listen.</summary>
    public const int MaxListeners = 256;

    private readonly Lock _lock = new();
    private readonly Queue<ModelEvent> _recent = new();
    private readonly List<Listener> _listeners = [];
    private long _dropped;

    /// <inheritdoc />
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <inheritdoc />
    public void Publish(ModelEvent modelEvent)
    {
        ArgumentNullException.ThrowIfNull(modelEvent);
        lock (_lock)
        {
            if (_recent.Count == MaxRecent) _recent.Dequeue();
            _recent.Enqueue(modelEvent);

            // Within the lock: all hear of all in one order.
            foreach (var listener in _listeners)
                listener.Add(modelEvent);
        }
    }

    /// <inheritdoc />
    public IDisposable Subscribe(Action<ModelEvent> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        lock (_lock)
        {
            if (_listeners.Count == MaxListeners)
                throw new InvalidOperationException($"{MaxListeners} listen already. Dispose the subscriptions that are no longer needed.");
            var added = new Listener(this, listener);
            _listeners.Add(added);
            return added;
        }
    }

    /// <inheritdoc />
    public IReadOnlyList<ModelEvent> Recent(int count = MaxRecent)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        lock (_lock) return [.. _recent.Skip(_recent.Count - Math.Min(count, _recent.Count))];
    }

    private void Remove(Listener listener)
    {
        lock (_lock) _listeners.Remove(listener);
    }

    /// <summary>A listener, with the events that wait for it.</summary>
    private sealed class Listener(ModelEvents owner, Action<ModelEvent> listener) : IDisposable
    {
        private readonly Lock _turn = new();
        private readonly Queue<ModelEvent> _waiting = new();
        private bool _isRunning;
        private bool _isClosed;

        public void Add(ModelEvent modelEvent)
        {
            lock (_turn)
            {
                if (_isClosed) return;
                if (_waiting.Count == MaxWaiting)
                {
                    _waiting.Dequeue();
                    Interlocked.Increment(ref owner._dropped);
                }

                _waiting.Enqueue(modelEvent);
                if (_isRunning) return;
                _isRunning = true;
            }

            // A thread of its own: one that blocks holds up nobody, the thread pool's other work included.
            try
            {
                Background.Forget(Background.RunLong(Run));
            }
#pragma warning disable CA1031 // There is no thread to be had: the next event tries again.
            catch (Exception exception)
            {
                GuestReports.OfProcess.Add(Guest.Own, exception);
                lock (_turn) _isRunning = false;
            }
        }

        public void Dispose()
        {
            owner.Remove(this);
            lock (_turn)
            {
                _isClosed = true;
                _waiting.Clear();
            }
        }

        private bool Run()
        {
            while (TryTake(out var modelEvent))
            {
                try
                {
                    listener(modelEvent!);
                }
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    GuestReports.OfProcess.Add(Guest.Callback, exception);
                }
            }

            return true;
        }

        private bool TryTake(out ModelEvent? modelEvent)
        {
            lock (_turn)
            {
                if (_waiting.TryDequeue(out modelEvent)) return true;
                _isRunning = false;
                return false;
            }
        }
    }
}
