using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>
/// Which entries stay: the byte count, the order of use, and the admission of newcomers. The least recently used goes first. The
/// <see cref="PolicyDuel"/> finds out whether a newcomer has to be asked for more often than those that it would drive out. Safe for
/// concurrent use. Hits that meet another at the lock leave the order as it is, because an order that is a little out costs less than
/// waiting.
/// </summary>
internal sealed class CachePolicy
{
    private readonly Lock _gate = new();
    private readonly FrequencySketch _sketch = new();
    private readonly PolicyDuel _duel;
    private CacheNode? _newest;
    private CacheNode? _oldest;
    private long _bytes;
    private long _evictions;
    private long _rejections;
    private int _count;

    /// <param name="limit">The bytes that all entries may take together.</param>
    public CachePolicy(long limit)
    {
        Limit = limit;
        _duel = new(limit, _sketch);
    }

    public long Limit { get; }

    public long Bytes => Volatile.Read(ref _bytes);

    public int Count => Volatile.Read(ref _count);

    public long Evictions => Volatile.Read(ref _evictions);

    public long Rejections => Volatile.Read(ref _rejections);

    public bool IsFrequencyAware
    {
        get
        {
            lock (_gate) return _duel.PrefersFrequent;
        }
    }

    /// <summary>An entry was hit.</summary>
    public void Touch(CacheNode node)
    {
        if (!_gate.TryEnter()) return;
        try
        {
            if (!node.IsLinked) return;
            Record(node.Hash, node.Weight);
            if (ReferenceEquals(_newest, node)) return;
            Unlink(node);
            Link(node);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>A key was missed: whether its entry shall be kept.</summary>
    public bool Admits(ulong hash, long weight, bool isReplacement)
    {
        lock (_gate)
        {
            Record(hash, weight);
            if (weight <= Limit && (isReplacement || !_duel.PrefersFrequent || IsWanted(hash, weight))) return true;
            _rejections++;
            return false;
        }
    }

    /// <summary>Keeps an entry.</summary>
    /// <returns>The entries that had to go for it, linked by <see cref="CacheNode.Older"/>; null: none.</returns>
    public CacheNode? Add(CacheNode node)
    {
        lock (_gate)
        {
            Link(node);
            _bytes += node.Weight;
            _sketch.EnsureCapacity(++_count);
            CacheNode? gone = null;
            while (_bytes > Limit && _oldest is { } victim)
            {
                Drop(victim);
                victim.Older = gone;
                gone = victim;
                _evictions++;
            }

            return gone;
        }
    }

    /// <summary>Forgets an entry; does nothing if it is gone.</summary>
    public bool Remove(CacheNode node)
    {
        lock (_gate)
        {
            if (!node.IsLinked) return false;
            Drop(node);
            return true;
        }
    }

    /// <summary>Forgets all entries that a condition holds for, and returns them.</summary>
    public List<CacheNode> RemoveAll(Func<CacheNode, bool> condition)
    {
        lock (_gate)
        {
            var removed = new List<CacheNode>();
            for (var node = _newest; node is not null; node = node.Older)
            {
                if (condition(node)) removed.Add(node);
            }

            foreach (var node in removed)
                Drop(node);
            return removed;
        }
    }

    private void Record(ulong hash, long weight)
    {
        _sketch.Increment(hash);
        _duel.Access(hash, weight);
    }

    private bool IsWanted(ulong hash, long weight)
    {
        var frequency = _sketch.Estimate(hash);
        var free = Limit - _bytes;
        for (var victim = _oldest; free < weight && victim is not null; victim = victim.Newer)
        {
            if (_sketch.Estimate(victim.Hash) >= frequency) return false;
            free += victim.Weight;
        }

        return true;
    }

    private void Drop(CacheNode node)
    {
        Unlink(node);
        _bytes -= node.Weight;
        _count--;
    }

    private void Link(CacheNode node)
    {
        node.IsLinked = true;
        node.Newer = null;
        node.Older = _newest;
        if (_newest is { } newest) newest.Newer = node;
        else _oldest = node;
        _newest = node;
    }

    private void Unlink(CacheNode node)
    {
        if (node.Newer is { } newer) newer.Older = node.Older;
        else _newest = node.Older;
        if (node.Older is { } older) older.Newer = node.Newer;
        else _oldest = node.Newer;
        node.IsLinked = false;
        node.Newer = null;
        node.Older = null;
    }
}
