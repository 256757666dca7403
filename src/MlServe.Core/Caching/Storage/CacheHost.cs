namespace MlServe.Caching;

/// <summary>
/// The stores of one host: one for each model, shared by its versions, gone with the last of them. Safe for concurrent use.
/// </summary>
internal sealed class CacheHost
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SharedStore> _stores = new(StringComparer.Ordinal);

    /// <summary>Whether stores count how often they are looked into; for tests. Default: false.</summary>
    public bool CountsLookUps { get; init; }

    /// <summary>The store of a version's model; to be released.</summary>
    public SharedStore Acquire(CacheVersion version, CacheOptions options)
    {
        lock (_gate)
        {
            if (!_stores.TryGetValue(version.Identity.Name, out var store) || store.Entries.Policy.Limit != options.SizeLimit)
                _stores[version.Identity.Name] = store = new(new(options.SizeLimit, CountsLookUps));
            store.Enter(version);
            return store;
        }
    }

    public void Release(SharedStore store, CacheVersion version, bool forget)
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
