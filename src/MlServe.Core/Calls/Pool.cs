namespace MlServe;

/// <summary>
/// A bounded pool of objects of one type for the whole process. Each thread keeps some of its own, and brings or fetches many at once from
/// a stack under a lock. Bounded in number, and in the bytes that the objects hold on to. Objects that do not fit are left to the garbage
/// collector.
/// </summary>
internal static class Pool<T>
    where T : class, new()
{
    /// <summary>Enough for some thousand requests in flight; at a few hundred bytes each, about a megabyte.</summary>
    public const int Capacity = 4096;

    /// <summary>The bytes that objects on the stack hold on to beyond themselves.</summary>
    public const long MaxBytes = 8L * 1024 * 1024;

    /// <summary>
    /// How many a thread keeps: a batch is answered on one thread, and its callers give back on whichever goes on with them.
    /// </summary>
    private const int OwnCapacity = 64;

    /// <summary>The bytes that a thread keeps.</summary>
    private const int OwnBytes = 256 * 1024;

    private static readonly Stack Shared = new();

    [ThreadStatic]
    private static Own? _own;

    /// <summary>The bytes that objects on the stack hold on to.</summary>
    public static long Bytes => Shared.Bytes;

    public static T Rent()
    {
        var own = _own ??= new();
        if (own.Count == 0 && !Shared.TryFetch(own)) return new T();
        return own.Take();
    }

    /// <summary>Takes an object back; false if the pool is full and the object was not kept.</summary>
    /// <param name="item">The object.</param>
    /// <param name="bytes">The bytes that it holds on to beyond a few hundred.</param>
    public static bool Return(T item, int bytes = 0)
    {
        var own = _own ??= new();
        if (own.Count == OwnCapacity || own.Bytes + bytes > OwnBytes)
        {
            Shared.TryBring(own);
            if (own.Count == OwnCapacity || own.Bytes + bytes > OwnBytes) return false;
        }

        own.Put(item, bytes);
        return true;
    }

    /// <summary>Objects with their bytes, the last one on top.</summary>
    private class Own
    {
        private T?[] _items = new T?[OwnCapacity];
        private int[] _bytes = new int[OwnCapacity];

        public int Count { get; private set; }

        public long Bytes { get; private set; }

        public T Take()
        {
            var item = _items[--Count]!;
            _items[Count] = null;
            Bytes -= _bytes[Count];
            return item;
        }

        public void Put(T item, int bytes)
        {
            _items[Count] = item;
            _bytes[Count++] = bytes;
            Bytes += bytes;
        }

        protected void EnsureRoom(int count)
        {
            if (Count + count <= _items.Length) return;
            Array.Resize(ref _items, _items.Length * 2);
            Array.Resize(ref _bytes, _bytes.Length * 2);
        }

        /// <summary>Moves the last ones, as many as are wanted and fit.</summary>
        protected static void Move(Own from, Own to, int count, long maxBytes)
        {
            for (; count > 0 && from.Count > 0 && to.Bytes + from._bytes[from.Count - 1] <= maxBytes; count--)
            {
                var bytes = from._bytes[from.Count - 1];
                to.Put(from.Take(), bytes);
            }
        }

        protected void Clear()
        {
            _items = new T?[OwnCapacity];
            _bytes = new int[OwnCapacity];
            Count = 0;
            Bytes = 0;
        }
    }

    private sealed class Stack : Own, ITrimmable
    {
        private readonly Lock _gate = new();

        public Stack() => MemoryPressure.Register(this);

        public bool TryFetch(Own own)
        {
            lock (_gate)
                Move(this, own, OwnCapacity / 2, OwnBytes);
            return own.Count > 0;
        }

        public void TryBring(Own own)
        {
            const int Moved = OwnCapacity / 2;
            lock (_gate)
            {
                if (Count + Moved > Capacity) return;
                EnsureRoom(Moved);
                Move(own, this, Moved, MaxBytes);
            }
        }

        /// <summary>Objects without memory of their own are not worth it, and some have timers.</summary>
        public void Trim()
        {
            lock (_gate)
            {
                if (Bytes > 0) Clear();
            }
        }
    }
}
