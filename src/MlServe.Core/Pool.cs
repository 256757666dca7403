namespace MlServe;

/// <summary>
/// A bounded pool of objects of one type for the whole process: each thread keeps some of its own, and brings or fetches many at once from a stack under a lock.
/// What does not fit is left to the garbage collector.
/// </summary>
internal static class Pool<T>
    where T : class, new()
{
    /// <summary>Enough for some thousand requests in flight; at a few hundred bytes each, about a megabyte.</summary>
    public const int Capacity = 4096;

    /// <summary>How many a thread keeps: a batch is answered on one thread, and its callers give back on whichever goes on with them.</summary>
    private const int OwnCapacity = 64;

    private static readonly Lock Gate = new();
    private static T?[] _items = new T?[64];
    private static int _count;

    [ThreadStatic]
    private static Own? _own;

    public static T Rent()
    {
        var own = _own ??= new();
        if (own.Count == 0 && !TryFetch(own)) return new T();
        var item = own.Items[--own.Count]!;
        own.Items[own.Count] = null;
        return item;
    }

    /// <summary>Takes an object back; false where the pool is full and the object was not kept.</summary>
    public static bool Return(T item)
    {
        var own = _own ??= new();
        if (own.Count == OwnCapacity && !TryBring(own)) return false;
        own.Items[own.Count++] = item;
        return true;
    }

    private static bool TryFetch(Own own)
    {
        lock (Gate)
        {
            var moved = Math.Min(_count, OwnCapacity / 2);
            if (moved == 0) return false;
            Move(_items, _count - moved, own.Items, 0, moved);
            own.Count = moved;
            _count -= moved;
            return true;
        }
    }

    private static bool TryBring(Own own)
    {
        lock (Gate)
        {
            const int Moved = OwnCapacity / 2;
            if (_count + Moved > Capacity) return false;
            if (_count + Moved > _items.Length) Array.Resize(ref _items, _items.Length * 2);
            Move(own.Items, OwnCapacity - Moved, _items, _count, Moved);
            own.Count -= Moved;
            _count += Moved;
            return true;
        }
    }

    private static void Move(T?[] from, int fromStart, T?[] to, int toStart, int count)
    {
        Array.Copy(from, fromStart, to, toStart, count);
        Array.Clear(from, fromStart, count);
    }

    private sealed class Own
    {
        public readonly T?[] Items = new T?[OwnCapacity];
        public int Count;
    }
}
