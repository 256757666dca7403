using Microsoft.Extensions.Caching.Hybrid;

namespace MlServe.Caching;

/// <summary>A second level that has nothing and keeps nothing.</summary>
internal sealed class EmptyHybridCache : HybridCache
{
    public static readonly EmptyHybridCache Instance = new();

    public override ValueTask<T> GetOrCreateAsync<TState, T>(
        string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
        IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default) =>
        options?.Flags?.HasFlag(HybridCacheEntryFlags.DisableUnderlyingData) == true ? new(default(T)!) : factory(state, cancellationToken);

    public override ValueTask SetAsync<T>(
        string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default) => default;

    public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) => default;

    public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) => default;
}
