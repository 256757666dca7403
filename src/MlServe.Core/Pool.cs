namespace MlServe;

/// <summary>
/// A bounded pool of objects of one type for the whole process: one kept by each thread, the others in a stack under a lock. What does not fit is
/// left to the garbage collector.
/// </summary>
internal static class Pool<T>
    where T : class, new()
{
    /// <summary>Enough for some thousand requests in flight; at a few hundred bytes each, about a megabyte.</summary>
    public const int Capacity = 4096;

    private static readonly Lock Gate = new();
    private static T?[] _items = new T?[64];
    private static int _count;

    [ThreadStatic]
    private static T? _own;

    public static T Rent()
    {
        if (_own is { } own)
        {
            _own = null;
            return own;
        }

        lock (Gate)
        {
            if (_count > 0)
            {
                var item = _items[--_count]!;
                _items[_count] = null;
                return item;
            }
        }

        return new T();
    }

    /// <summary>Takes an object back; false where the pool is full and the object was not kept.</summary>
    public static bool Return(T item)
    {
        if (_own is null)
        {
            _own = item;
            return true;
        }

        lock (Gate)
        {
            if (_count == Capacity) return false;
            if (_count == _items.Length) Array.Resize(ref _items, _items.Length * 2);
            _items[_count++] = item;
            return true;
        }
    }
}
