using System.Diagnostics.CodeAnalysis;

namespace MlServe.Caching;

/// <summary>
/// The stores of one host's caches: one for each model, shared by the pipelines of its versions, gone with the last of them. Registered as
/// a service, it is what <c>UseCache</c> keeps answers in; else each pipeline has a store of its own. Safe for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public sealed class CacheHost
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SharedStore> _stores = new(StringComparer.Ordinal);

    /// <summary>Whether stores count how often they are looked into; for tests. Default: false.</summary>
    internal bool CountsLookUps { get; init; }

    /// <summary>The store of a version's model; to be released.</summary>
    internal SharedStore Acquire(CacheVersion version, CacheOptions options)
    {
        lock (_gate)
        {
            if (!_stores.TryGetValue(version.Identity.Name, out var store) || store.Entries.Policy.Limit != options.SizeLimit)
                _stores[version.Identity.Name] = store = new(new(options.SizeLimit, CountsLookUps));
            store.Enter(version);
            return store;
        }
    }

    internal void Release(SharedStore store, CacheVersion version, bool forget)
    {
        lock (_gate)
        {
            if (store.Leave(version, forget)) return;
            if (_stores.TryGetValue(version.Identity.Name, out var current) && ReferenceEquals(current, store))
                _stores.Remove(version.Identity.Name);
        }

        store.Entries.Dispose();
    }
}
