using CsCheck;
using MlServe.Caching;

namespace MlServe.Tests.Caching;

public sealed class CachePolicyTests
{
    private readonly CachePolicy _policy = new(100);

    [Fact]
    public void Add_BeyondTheLimit_DropsTheLeastRecentlyUsed()
    {
        var (a, b, c) = (Node(1, 40), Node(2, 40), Node(3, 40));
        _policy.Add(a);
        _policy.Add(b);
        _policy.Touch(a);

        Assert.Same(b, _policy.Add(c));
        Assert.Equal((80, 2, 1), (_policy.Bytes, _policy.Count, _policy.Evictions));
    }

    [Fact]
    public void Add_OneLargeEntry_DropsAsManyAsItTakes()
    {
        foreach (var i in Enumerable.Range(1, 10))
            _policy.Add(Node(i, 10));

        var gone = 0;
        for (var node = _policy.Add(Node(11, 35)); node is not null; node = node.Older)
            gone++;

        Assert.Equal(4, gone);
        Assert.Equal((95, 7), (_policy.Bytes, _policy.Count));
    }

    [Fact]
    public void Admits_LargerThanTheCache_IsRefusedAndCounted()
    {
        Assert.False(_policy.Admits(1, 101, isReplacement: false));
        Assert.True(_policy.Admits(1, 100, isReplacement: false));
        Assert.Equal(1, _policy.Rejections);
    }

    [Fact]
    public void Remove_Twice_CountsOnce()
    {
        var node = Node(1, 40);
        _policy.Add(node);

        Assert.True(_policy.Remove(node));
        Assert.False(_policy.Remove(node));
        _policy.Touch(node);
        Assert.Equal((0, 0), (_policy.Bytes, _policy.Count));
    }

    [Fact]
    public void Scan_OfOneOffKeys_DoesNotEmptyACacheWhoseKeysAreAskedForAgain()
    {
        // 80 keys that come back, and between their rounds a stream of others that never do.
        var hot = Enumerable.Range(0, 80).ToArray();
        var next = 1_000;
        var keys = new List<int>();
        for (var round = 0; round < 60; round++)
        {
            keys.AddRange(hot);
            keys.AddRange(Enumerable.Range(next, 120));
            next += 120;
        }

        var hits = CacheTraces.Play([.. keys], 100, 1, out var policy);

        // LRU has none: 200 other keys come between two of the same.
        Assert.True(policy.IsFrequencyAware);
        Assert.InRange(hits, 80 * 40, 80 * 60);
    }

    [Fact]
    public void AnyOrder_OfOperations_KeepsCountAndOrderLikeAList() => Gen.Int[0, 30].Array[200].Sample(static keys =>
    {
        var policy = new CachePolicy(20);
        var model = new List<CacheNode>();
        foreach (var key in keys)
        {
            if (model.Find(node => node.Hash == (ulong)key) is { } known)
            {
                if (key % 7 == 0)
                {
                    policy.Remove(known);
                    model.Remove(known);
                    continue;
                }

                policy.Touch(known);
                model.Remove(known);
                model.Insert(0, known);
                continue;
            }

            var node = Node(key, 1 + (key % 4));
            model.Insert(0, node);
            for (var gone = policy.Add(node); gone is not null; gone = gone.Older)
                model.Remove(gone);
            var (weight, kept) = (0L, 0);
            while (kept < model.Count && weight + model[kept].Weight <= 20) weight += model[kept++].Weight;
            Assert.Equal(kept, model.Count);
            Assert.Equal((weight, kept), (policy.Bytes, policy.Count));
        }
    });

    private static CacheNode Node(int key, long weight) => new((ulong)key, weight);
}
