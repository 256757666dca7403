namespace MlServe.Caching;

/// <summary>One model's store, and the versions that have answers in it.</summary>
internal sealed class SharedStore(CacheStore entries)
{
    /// <summary>Versions whose old answers are remembered.</summary>
    private const int MaxVersions = 8;

    private CacheVersion[] _versions = [];
    private int _users;

    public CacheStore Entries { get; } = entries;

    /// <summary>The versions, the newest first.</summary>
    public ReadOnlySpan<CacheVersion> Versions => Volatile.Read(ref _versions);

    public void Enter(CacheVersion version)
    {
        _users++;
        Volatile.Write(ref _versions, [version, .. _versions.Take(MaxVersions - 1)]);
    }

    /// <summary>False if it was the last version.</summary>
    public bool Leave(CacheVersion version, bool forget)
    {
        if (--_users == 0) return false;
        if (!forget) return true;
        Volatile.Write(ref _versions, [.. _versions.Where(known => !ReferenceEquals(known, version))]);
        Entries.Remove(version);
        return true;
    }
}
