using System.Globalization;
using System.IO.Compression;
using MlServe.Caching;

namespace MlServe.Tests.Caching;

/// <summary>
/// The traces of the LIRS paper (S. Jiang, X. Zhang, SIGMETRICS 2002) with the hits of exact LRU and of the optimal policy.
/// </summary>
internal static class CacheTraces
{
    private const string Folder = "datasets/cache-traces/";

    /// <summary>What is known of each trace at each capacity.</summary>
    public static IReadOnlyList<Expectation> Expectations() =>
    [
        .. File.ReadLines(SharedData.PathOf(Folder + "lru_opt_oracle.tsv"))
            .Skip(1)
            .Where(static line => line.Length > 0)
            .Select(static line =>
        {
            var cells = line.Split('\t');
            int Number(int cell) => int.Parse(cells[cell], CultureInfo.InvariantCulture);
            return new Expectation(cells[0], Number(1), Number(3), Number(4), Number(6));
        }),
    ];

    /// <summary>The keys of a trace in their order; lines that are no number are marks for another program.</summary>
    public static int[] Read(string trace)
    {
        using var file = File.OpenRead(SharedData.PathOf($"{Folder}lirs_{trace}.trace.gz"));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        return [.. reader.ReadToEnd().Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)
            .Where(static word => int.TryParse(word, CultureInfo.InvariantCulture, out _))
            .Select(static word => int.Parse(word, CultureInfo.InvariantCulture))];
    }

    /// <summary>Plays a trace through the policy, entries of one byte.</summary>
    public static long Play(int[] keys, int capacity, ulong seed, out CachePolicy policy)
    {
        policy = new(capacity);
        var entries = new Dictionary<int, CacheNode>();
        long hits = 0;
        foreach (var key in keys)
        {
            if (entries.TryGetValue(key, out var node))
            {
                hits++;
                policy.Touch(node);
                continue;
            }

            var hash = HashOf(key, seed);
            if (!policy.Admits(hash, 1, isReplacement: false)) continue;
            entries.Add(key, node = new KeyedNode(hash, key));
            for (var gone = policy.Add(node); gone is not null; gone = gone.Older)
                entries.Remove(((KeyedNode)gone).Key);
        }

        return hits;
    }

    public static ulong HashOf(int key, ulong seed)
    {
        var hash = ((ulong)key + seed) * 0x9E3779B97F4A7C15;
        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
        return hash ^ (hash >> 31);
    }

    internal sealed record Expectation(string Trace, int Accesses, int Capacity, long LruHits, long OptimalHits);

    private sealed class KeyedNode(ulong hash, int key) : CacheNode(hash, 1)
    {
        public int Key { get; } = key;
    }
}
