using CsCheck;
using Xunit;

namespace MlServe.Quantization.Evaluation;

public class ExclusionSearchTests
{
    [Theory]
    [InlineData(10, 1, new[] { 1 })]
    [InlineData(10, 3, new[] { 1, 2, 4, 3 })]
    [InlineData(50, 21, new[] { 1, 2, 4, 8, 16, 32, 24, 20, 22 })]
    [InlineData(10, 9, new[] { 1, 2, 4, 8, 9 })]
    public async Task FindAsync_PassesFromANumberOn_DoublesAndHalves(int nodes, int needed, int[] expected)
    {
        var tried = new List<int>();
        var found = await ExclusionSearch.FindAsync(nodes, count => Try(count, needed, tried), static () => true);
        Assert.Equal(expected, tried);
        Assert.Equal(tried.Where(count => count >= needed).Min(), found);
    }

    [Fact]
    public Task FindAsync_AnyModel_FindsALeastThatWasSeenToPass() =>
        Gen.Int[0, 300].Select(Gen.Int[1, 400]).SampleAsync(async pair =>
        {
            var (nodes, needed) = pair;
            var tried = new List<int>();
            var found = await ExclusionSearch.FindAsync(nodes, count => Try(count, needed, tried), static () => true);
            Assert.All(tried, count => Assert.InRange(count, 1, nodes - 1));
            Assert.Equal(tried.Count, tried.Distinct().Count());
            if (needed < nodes) Assert.Equal(tried.Where(count => count >= needed).Min(), found);
            else Assert.Null(found);
        }, iter: 200);

    [Fact]
    public async Task FindAsync_NoTime_TriesNothing() =>
        Assert.Null(await ExclusionSearch.FindAsync(10, static _ => throw new InvalidOperationException("was tried"), static () => false));

    [Theory]
    [InlineData(18, 22, 18)]
    [InlineData(20, 22, 20)]
    [InlineData(23, 22, null)]
    [InlineData(5, 6, 5)]
    public async Task FindAsync_TooSlowFromANumberOn_LooksBetween(int needed, int slow, int? expected)
    {
        var found = await ExclusionSearch.FindAsync(
            25, count => Task.FromResult<bool?>(count >= slow ? null : count >= needed), static () => true);
        Assert.Equal(expected, found);
    }

    private static Task<bool?> Try(int count, int needed, List<int> tried)
    {
        tried.Add(count);
        return Task.FromResult<bool?>(count >= needed);
    }

    [Theory]
    [InlineData(new[] { 1.5, 1.2 }, 1, 2)]
    [InlineData(new[] { 1.1, 1.3, 1.2, 9 }, 2, 3)]
    [InlineData(new[] { 0, 0, 1.2, 1.4, 1.3 }, 8, 5)]
    [InlineData(new[] { 0, 0, 0, 0, 1.1 }, 11, 5)]
    [InlineData(new double[] { 0, 0, 0, 0, 0 }, null, 5)]
    public async Task FindFastestAsync_Speeds_StopsBehindTheFastestThatPasses(double[] speeds, int? expected, int tried)
    {
        var counts = new List<int>();
        var found = await ExclusionSearch.FindFastestAsync(11, count =>
        {
            counts.Add(count);
            return Task.FromResult(speeds[counts.Count - 1] is > 0 and var speed ? speed : (double?)null);
        }, () => true);
        Assert.Equal(expected, found);
        Assert.Equal(new[] { 1, 2, 4, 8, 11 }[..tried], counts);
    }

    [Fact]
    public async Task FindFastestAsync_NothingToLeaveOut_FindsNothing() =>
        Assert.Null(await ExclusionSearch.FindFastestAsync(0, static _ => Task.FromResult<double?>(1), () => true));

    [Fact]
    public async Task FindFastestAsync_NoTimeLeft_KeepsWhatItHas()
    {
        var left = 2;
        Assert.Equal(2, await ExclusionSearch.FindFastestAsync(11, static count => Task.FromResult<double?>(count), () => left-- > 0));
    }
}
