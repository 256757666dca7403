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

    /// <summary>How long the last value that was set is to be kept.</summary>
    public TimeSpan? Expiration { get; private set; }

    /// <summary>What the first hit waits for, as it would for a compiler that nobody can cancel.</summary>
    public Task FirstHit { get; set; } = Task.CompletedTask;

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
        if (!Entries.TryGetValue(key, out var bytes)) return default!;
        await FirstHit;
        return (T)(object)bytes;
    }

    public override ValueTask SetAsync<T>(
        string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default)
    {
        if (!IsReadOnly) Entries[key] = (byte[])(object)value!;
        Expiration = options!.Expiration;
        return new(Write);
    }

    public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default)
    {
        Entries.TryRemove(key, out _);
        return default;
    }

    public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();
}
