namespace MlServe.Caching;

/// <summary>
/// A request's content, as two hashes that know nothing of each other: one finds the entry, the other says whether it is the right one.
/// </summary>
internal readonly record struct RequestKey(UInt128 Key, ulong Check)
{
    /// <summary>The same request to a certain version: both are random to each other, so that no bits are lost.</summary>
    public RequestKey Of(RequestKey version) => new(Key ^ version.Key, Check ^ version.Check);

    public override int GetHashCode() => (int)(ulong)Key;
}
