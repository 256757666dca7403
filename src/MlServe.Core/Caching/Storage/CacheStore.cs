using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Caching.Memory;
using MlServe.Guests;

namespace MlServe.Caching;

/// <summary>
/// Where entries lie: in an <see cref="IMemoryCache"/> that finds them, while the <see cref="CachePolicy"/> says which stay. A memory cache's own limit refuses the newest
/// entry and its own times make entries vanish, so neither is used. Safe for concurrent use.
/// </summary>
internal sealed class CacheStore : IDisposable
{
    private const int KeyChars = 8;

    private static long _stores;

    private readonly IMemoryCache _memory;
    private readonly MemoryCache? _fast;
    private readonly bool _isHosts;
    private readonly string _prefix;

    /// <param name="limit">The bytes that all entries may take together.</param>
    /// <param name="hosts">The host's cache to keep them in; null: one of its own.</param>
    public CacheStore(long limit, IMemoryCache? hosts)
    {
        Policy = new(limit);
        _isHosts = hosts is not null;
        // Nothing expires, so nothing has to be looked for.
        _memory = hosts ?? new MemoryCache(new MemoryCacheOptions { ExpirationScanFrequency = TimeSpan.MaxValue });
        _fast = _memory as MemoryCache;
        _prefix = _isHosts ? string.Create(CultureInfo.InvariantCulture, $"mlserve:{Interlocked.Increment(ref _stores)}:") : "";
    }

    public CachePolicy Policy { get; }

    /// <summary>Whether entries lie in the host's cache.</summary>
    public bool IsHosts => _isHosts;

    /// <summary>The entry under a key, whose check is still to be looked at.</summary>
    public CacheEntry? Find(UInt128 key)
    {
        Span<char> text = stackalloc char[_prefix.Length + KeyChars];
        Write(key, text);
        object? found;
        if (_fast is not null) _fast.TryGetValue(text, out found);
        else _memory.TryGetValue(new string(text), out found);
        return found as CacheEntry;
    }

    /// <summary>Keeps an entry in place of another under its key.</summary>
    public void Add(CacheEntry entry)
    {
        if (Find(entry.Key.Key) is { } former) Policy.Remove(former);
        using (var place = _memory.CreateEntry(TextOf(entry.Key.Key)))
        {
            place.Value = entry;
            if (_isHosts)
            {
                place.Size = entry.Weight;
                place.RegisterPostEvictionCallback(static (_, value, reason, policy) =>
                {
                    if (reason is not EvictionReason.Replaced) ((CachePolicy)policy!).Remove((CacheEntry)value!);
                }, Policy);
            }
        }

        for (var gone = Policy.Add(entry); gone is not null;)
        {
            var next = gone.Older;
            gone.Older = null;
            Forget((CacheEntry)gone);
            gone = next;
        }

        // A host's cache that is full has refused it, and may have said so before the policy knew of it.
        if (_isHosts && !ReferenceEquals(Find(entry.Key.Key), entry)) Policy.Remove(entry);
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
        ForgetAll(Policy.RemoveAll(static _ => true));
        if (!_isHosts) _fast!.Clear();
    }

    private void ForgetAll(List<CacheNode> entries)
    {
        foreach (var entry in entries)
            Forget((CacheEntry)entry);
    }

    private void Forget(CacheEntry entry)
    {
        try
        {
            _memory.Remove(TextOf(entry.Key.Key));
        }
#pragma warning disable CA1031 // A host's cache goes before the models where the container disposes both; the others are to be forgotten as well, and the models closed.
        catch (Exception exception) when (_isHosts)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.MemoryCache, exception);
        }
    }

    private string TextOf(UInt128 key) => string.Create(_prefix.Length + KeyChars, (Store: this, key), static (text, state) => state.Store.Write(state.key, text));

    private void Write(UInt128 key, Span<char> text)
    {
        _prefix.CopyTo(text);
        MemoryMarshal.Write(MemoryMarshal.AsBytes(text[_prefix.Length..]), key);
    }
}
