using Microsoft.Extensions.Caching.Hybrid;

namespace MlServe.ChildProcess.Guests;

/// <summary>A second level that throws at once, later, and from what it registers with its caller's token.</summary>
internal sealed class ThrowingHybridCache(Mischief mischief) : HybridCache
{
    public override async ValueTask<T> GetOrCreateAsync<TState, T>(
        string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
        IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default)
    {
        if (cancellationToken.CanBeCanceled) cancellationToken.Register(() => mischief.Call("hybrid.Cancelled"));
        mischief.Call("hybrid.GetOrCreateAsync");
        await Task.Yield();
        mischief.Call("hybrid.GetOrCreateAsync.later");
        return default!;
    }

    public override ValueTask SetAsync<T>(
        string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default)
    {
        mischief.Call("hybrid.SetAsync");
        return default;
    }

    public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) => default;

    public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) => default;
}
