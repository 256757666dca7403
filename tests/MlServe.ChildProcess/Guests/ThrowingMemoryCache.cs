using Microsoft.Extensions.Caching.Memory;

namespace MlServe.ChildProcess.Guests;

/// <summary>A host's memory cache that throws wherever it is used.</summary>
internal sealed class ThrowingMemoryCache(Mischief mischief) : IMemoryCache
{
    private readonly MemoryCache _inner = new(new MemoryCacheOptions { SizeLimit = 1 << 20 });

    public ICacheEntry CreateEntry(object key)
    {
        mischief.Call("memory.CreateEntry");
        return _inner.CreateEntry(key);
    }

    public void Remove(object key)
    {
        mischief.Call("memory.Remove");
        _inner.Remove(key);
    }

    public bool TryGetValue(object key, out object? value)
    {
        mischief.Call("memory.TryGetValue");
        return _inner.TryGetValue(key, out value);
    }

    public void Dispose() => _inner.Dispose();
}
