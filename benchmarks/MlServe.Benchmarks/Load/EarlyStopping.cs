namespace MlServe.Benchmarks.Load;

/// <summary>
/// How many queries may miss a latency bound before it cannot be said any more that a share of them keeps it. From the rules of MLPerf's
/// LoadGen: with t misses among n queries, a share p keeps the bound at confidence c if P[Binomial(n, 1-p) ≤ t] ≤ 1-c, which is LoadGen's
/// I_p(n-t, t+1) ≤ 1-c.
/// </summary>
internal static class EarlyStopping
{
    /// <summary>The least number of queries with which some misses are allowed.</summary>
    /// <param name="percentile">The share p of queries that must keep the bound, between 0 and 1.</param>
    /// <param name="confidence">The confidence c, between 0 and 1.</param>
    /// <param name="misses">The misses t, 0 or more.</param>
    public static long MinQueries(double percentile, double confidence, long misses)
    {
        long low = misses, high = Math.Max(2 * misses, 16);
        while (!IsEnough(high, misses, percentile, confidence))
            (low, high) = (high, high * 2);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            if (IsEnough(middle, misses, percentile, confidence)) high = middle;
            else low = middle;
        }

        return high;
    }

    /// <summary>The most misses that are allowed among some queries; -1 where there are too few queries for any.</summary>
    /// <inheritdoc cref="MinQueries" path="/param" />
    /// <param name="queries">The queries n, 0 or more.</param>
    public static long AllowedMisses(double percentile, double confidence, long queries)
    {
        var limit = Math.Log(1 - confidence);
        var allowed = -1L;
        foreach (var cumulative in LogCumulative(queries, 1 - percentile))
        {
            if (cumulative > limit) break;
            allowed++;
        }

        return allowed;
    }

    /// <summary>
    /// The rank, from 1 for the smallest, of the latency that is reported as the estimate of a percentile: all but the allowed misses lie
    /// below it, and so it is an upper bound at the given confidence. Null where there are too few queries.
    /// </summary>
    /// <inheritdoc cref="AllowedMisses" path="/param" />
    public static long? EstimateRank(double percentile, double confidence, long queries)
    {
        var allowed = AllowedMisses(percentile, confidence, queries);
        return allowed < 0 ? null : Math.Min(queries, queries - allowed + 1);
    }

    private static bool IsEnough(long queries, long misses, double percentile, double confidence) =>
        queries > misses && LogCumulative(queries, 1 - percentile).ElementAt((int)misses) <= Math.Log(1 - confidence);

    /// <summary>
    /// The logarithms of P[Binomial(trials, chance) ≤ k] for k = 0, 1, …, trials: in logarithms, because a term can be too small for a
    /// number.
    /// </summary>
    private static IEnumerable<double> LogCumulative(long trials, double chance)
    {
        var odds = Math.Log(chance) - Math.Log(1 - chance);
        var term = trials * Math.Log(1 - chance);
        var sum = term;
        yield return sum;
        for (var k = 1L; k <= trials; k++)
        {
            term += Math.Log((double)(trials - k + 1) / k) + odds;
            var (larger, smaller) = sum > term ? (sum, term) : (term, sum);
            sum = Math.Min(0, larger + Math.Log(1 + Math.Exp(smaller - larger)));
            yield return sum;
        }
    }
}
