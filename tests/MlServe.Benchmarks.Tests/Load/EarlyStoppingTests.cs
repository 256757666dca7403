namespace MlServe.Benchmarks.Load;

public class EarlyStoppingTests
{
    private static readonly int[] Misses = [0, 1, 2, 5, 10, 50, 100];

    // LoadGen's own table; 662 is the least number of queries of its MultiStream scenario.
    public static TheoryData<double, long[]> Table => new()
    {
        { 0.90, [44, 64, 81, 127, 197, 681, 1246] },
        { 0.95, [90, 130, 165, 259, 398, 1372, 2504] },
        { 0.99, [459, 662, 838, 1307, 2010, 6898, 12571] },
        { 0.999, [4603, 6636, 8403, 13105, 20140, 69058, 125826] },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void MinQueries_OfKnownPercentiles_IsAsLoadGenHasIt(double percentile, long[] expected) =>
        Assert.Equal(expected, Misses.Select(misses => EarlyStopping.MinQueries(percentile, 0.99, misses)));

    [Theory]
    [MemberData(nameof(Table))]
    public void AllowedMisses_AtAndBelowEachEntry_ChangesThere(double percentile, long[] queries)
    {
        for (var i = 0; i < Misses.Length; i++)
        {
            Assert.Equal(Misses[i], EarlyStopping.AllowedMisses(percentile, 0.99, queries[i]));
            Assert.Equal(Misses[i] - 1, EarlyStopping.AllowedMisses(percentile, 0.99, queries[i] - 1));
        }
    }

    [Fact]
    public void AllowedMisses_OfManyQueries_NearsTheShareFromBelow()
    {
        var allowed = EarlyStopping.AllowedMisses(0.99, 0.99, 2_000_000);

        Assert.InRange(allowed, 19_600, 19_999);
    }

    [Theory]
    [InlineData(43, null)]
    [InlineData(44, 44L)]
    [InlineData(64, 64L)]
    [InlineData(81, 80L)]
    [InlineData(1246, 1147L)]
    public void EstimateRank_OfQueries_LeavesOutAllButOneOfTheAllowedMisses(long queries, long? expected) =>
        Assert.Equal(expected, EarlyStopping.EstimateRank(0.90, 0.99, queries));
}
