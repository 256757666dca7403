using Microsoft.Extensions.Caching.Hybrid;

namespace MlServe.Tests.Caching;

/// <summary>Bytes that other processes see as well; it hangs, fails and refuses as told.</summary>
internal sealed class FakeHybridCache : HybridCache
{
    private int _reads;

    public System.Collections.Concurrent.ConcurrentDictionary<string, byte[]> Entries { get; } = new();

    public int Reads => Volatile.Read(ref _reads);

    public bool Hangs { get; set; }

    public bool IsReadOnly { get; set; }

    public Exception? Failure { get; set; }

    public Task Write { get; set; } = Task.CompletedTask;

    public override async ValueTask<T> GetOrCreateAsync<TState, T>(
        string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
        IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default)
    {
        Assert.True(options!.Flags!.Value.HasFlag(HybridCacheEntryFlags.DisableUnderlyingData));
        Interlocked.Increment(ref _reads);
        if (Failure is not null) throw Failure;
        if (Hangs) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        return Entries.TryGetValue(key, out var bytes) ? (T)(object)bytes : default!;
    }

    public override ValueTask SetAsync<T>(
        string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default)
    {
        if (!IsReadOnly) Entries[key] = (byte[])(object)value!;
        return new(Write);
    }

    public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();
}
