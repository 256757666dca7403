using System.Globalization;
using System.Text;

namespace MlServe.Tests.Caching;

public sealed class CacheTraceTests
{
    /// <summary>Keys are hashed with a seed of the process, so no single one may be what makes it good.</summary>
    private static readonly ulong[] Seeds = [1, 2, 3, 4, 5];

    [Fact]
    public void Play_EveryTraceAtEveryCapacity_HasAtLeastTheHitsOfExactLru()
    {
        var table = new StringBuilder();
        var worse = new List<string>();
        foreach (var trace in CacheTraces.Expectations().GroupBy(static expectation => expectation.Trace))
        {
            var keys = CacheTraces.Read(trace.Key);
            foreach (var expected in trace)
            {
                Assert.Equal(expected.Accesses, keys.Length);
                var least = Seeds.Take(trace.Key == "loop" ? 2 : Seeds.Length)
                    .Min(seed => CacheTraces.Play(keys, expected.Capacity, seed, out _));
                table.AppendLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {expected.Trace} | {expected.Accesses:N0} | {expected.Capacity:N0} | {expected.LruHits:N0} | {least:N0} | "
                        + $"{expected.OptimalHits:N0} |"));
                if (least < expected.LruHits)
                    worse.Add($"{expected.Trace} at {expected.Capacity}: {least} hits, LRU has {expected.LruHits}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(table.ToString());
        if (Environment.GetEnvironmentVariable("MLSERVE_CACHE_TABLE") is { Length: > 0 } path) File.WriteAllText(path, table.ToString());
        Assert.Empty(worse);
    }
}
