using MlServe.Statistics;

namespace MlServe.Caching;

/// <summary>
/// The content that a cache of a given rule would have, keys and weights only. The least recently used goes first. If there is a sketch,
/// that entry goes only for a key that is asked for more often. Not safe for concurrent use.
/// </summary>
internal sealed class ShadowCache(FrequencySketch? admission)
{
    private readonly Dictionary<ulong, LinkedListNode<(ulong Hash, long Weight)>> _nodes = [];
    private readonly LinkedList<(ulong Hash, long Weight)> _newestFirst = new();
    private readonly Stack<LinkedListNode<(ulong Hash, long Weight)>> _idle = new();
    private long _weight;

    public int Count => _nodes.Count;

    /// <summary>Whether the key would have been a hit; it is one next time unless it is refused.</summary>
    public bool Access(ulong hash, long weight, long limit)
    {
        if (_nodes.TryGetValue(hash, out var node))
        {
            _newestFirst.Remove(node);
            _newestFirst.AddFirst(node);
            return true;
        }

        if (weight > limit || !Admits(hash, weight, limit)) return false;
        if (!_idle.TryPop(out node)) node = new(default);
        node.Value = (hash, weight);
        _newestFirst.AddFirst(node);
        _nodes.Add(hash, node);
        _weight += weight;
        while (_weight > limit)
            Remove(_newestFirst.Last!);
        return false;
    }

    /// <summary>Forgets the keys that are no longer looked at.</summary>
    public void Keep(Func<ulong, bool> isKept)
    {
        for (var node = _newestFirst.First; node is not null;)
        {
            var next = node.Next;
            if (!isKept(node.Value.Hash)) Remove(node);
            node = next;
        }
    }

    private bool Admits(ulong hash, long weight, long limit)
    {
        if (admission is null) return true;
        var frequency = admission.Estimate(hash);
        var free = limit - _weight;
        for (var victim = _newestFirst.Last; free < weight && victim is not null; victim = victim.Previous)
        {
            if (admission.Estimate(victim.Value.Hash) >= frequency) return false;
            free += victim.Value.Weight;
        }

        return true;
    }

    private void Remove(LinkedListNode<(ulong Hash, long Weight)> node)
    {
        _newestFirst.Remove(node);
        _nodes.Remove(node.Value.Hash);
        _weight -= node.Value.Weight;
        _idle.Push(node);
    }
}
