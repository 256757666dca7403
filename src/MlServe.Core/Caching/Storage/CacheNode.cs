namespace MlServe.Caching;

/// <summary>The policy's record of an entry. The links belong to the policy and are read and written under its lock.</summary>
internal class CacheNode(ulong hash, long weight)
{
    /// <summary>Tells entries apart well enough to count how often they are asked for.</summary>
    public ulong Hash { get; } = hash;

    /// <summary>The bytes that it takes.</summary>
    public long Weight { get; } = weight;

    internal CacheNode? Newer { get; set; }

    internal CacheNode? Older { get; set; }

    internal bool IsLinked { get; set; }
}
