using System.Runtime.InteropServices;
using Microsoft.Extensions.Caching.Memory;

namespace MlServe.Caching;

/// <summary>
/// The place of entries: a <see cref="MemoryCache"/> finds them, while the <see cref="CachePolicy"/> says which stay. A memory cache's own
/// limit refuses the newest entry and its own times make entries vanish, so neither is used. Safe for concurrent use.
/// </summary>
internal sealed class CacheStore : IDisposable
{
    private const int KeyChars = 8;
    private const int Gates = 16;

    private readonly MemoryCache _memory;
    private readonly Lock[] _gates = [.. Enumerable.Range(0, Gates).Select(static _ => new Lock())];

    /// <param name="limit">The bytes that all entries may take together.</param>
    /// <param name="countsLookUps">Whether look-ups are counted; for tests.</param>
    public CacheStore(long limit, bool countsLookUps)
    {
        Policy = new(limit);

        // Nothing expires, so nothing has to be looked for.
        _memory = new(new MemoryCacheOptions { ExpirationScanFrequency = TimeSpan.MaxValue, TrackStatistics = countsLookUps });
    }

    public CachePolicy Policy { get; }

    /// <summary>Look-ups so far, if they are counted.</summary>
    public long LookUps => _memory.GetCurrentStatistics() is { } statistics ? statistics.TotalHits + statistics.TotalMisses : 0;

    /// <summary>
    /// Held from the look at a key's entry until another entry lies there: two callers that replace it at once would lose count of one.
    /// </summary>
    public Lock GateOf(UInt128 key) => _gates[(int)(key % Gates)];

    /// <summary>The entry under a key, whose check is still to be looked at.</summary>
    public CacheEntry? Find(UInt128 key)
    {
        Span<char> text = stackalloc char[KeyChars];
        Write(key, text);
        _memory.TryGetValue((ReadOnlySpan<char>)text, out var found);
        return (CacheEntry?)found;
    }

    /// <summary>Keeps an entry. Called in the gate of its key.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="former">The entry that lies under its key.</param>
    public void Add(CacheEntry entry, CacheEntry? former)
    {
        if (former is not null) Policy.Remove(former);
        using (var place = _memory.CreateEntry(TextOf(entry.Key.Key)))
            place.Value = entry;
        for (var gone = Policy.Add(entry); gone is not null;)
        {
            var next = gone.Older;
            gone.Older = null;
            Forget((CacheEntry)gone);
            gone = next;
        }
    }

    public void Remove(CacheEntry entry)
    {
        if (Policy.Remove(entry)) Forget(entry);
    }

    /// <summary>Forgets the answers of a version.</summary>
    public void Remove(CacheVersion version) => ForgetAll(Policy.RemoveAll(node => ReferenceEquals(((CacheEntry)node).Version, version)));

    /// <summary>Forgets everything. A look-up that comes too late finds nothing; a disposed memory cache would throw at it.</summary>
    public void Dispose()
    {
        Policy.RemoveAll(static _ => true);
        _memory.Clear();
    }

    private void ForgetAll(List<CacheNode> entries)
    {
        foreach (var entry in entries)
            Forget((CacheEntry)entry);
    }

    private void Forget(CacheEntry entry) => _memory.Remove(TextOf(entry.Key.Key));

    private static string TextOf(UInt128 key) => string.Create(KeyChars, key, static (text, key) => Write(key, text));

    private static void Write(UInt128 key, Span<char> text) => MemoryMarshal.Write(MemoryMarshal.AsBytes(text), key);
}
