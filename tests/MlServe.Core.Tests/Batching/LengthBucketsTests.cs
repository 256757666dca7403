using MlServe.Batching;

namespace MlServe.Tests.Batching;

/// <summary>The lengths to fill up to, against every division that there is.</summary>
public sealed class LengthBucketsTests
{
    [Fact]
    public void Of_EveryLength_IsInABinThatWastesAtMostASixteenth()
    {
        for (var length = 1; length <= LengthBins.MaxLength; length++)
        {
            var bin = LengthBins.Of(length);
            Assert.InRange(bin, 0, LengthBins.Count - 1);
            var end = LengthBins.End(bin);
            Assert.InRange(length, end - LengthBins.Width(bin) + 1, end);
            Assert.True(16 * (end - length) < length, $"{length} is filled up to {end}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Choose_SmallCases_CostNoMoreThanTheBestDivision(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var shares = new double[LengthBins.Count];
            var bins = new List<int>();
            while (bins.Count < 1 + (round % 9))
            {
                var bin = random.Next(32);
                if (shares[bin] > 0) continue;
                shares[bin] = 1 + random.Next(100);
                bins.Add(bin);
            }

            bins.Sort();
            var line = new LengthCost.Line(random.NextDouble() * 100, random.NextDouble(), random.NextDouble() / 50);
            var inFlight = Math.Exp(random.NextDouble() * 6);
            var sum = shares.Sum();
            (int End, double Rows)[] rows = [.. bins.Select(bin => (LengthBins.End(bin), inFlight * shares[bin] / sum))];

            var chosen = LengthBuckets.Choose(shares, line, inFlight, 64);

            // Every set of ends that has the last one.
            var least = double.PositiveInfinity;
            for (var set = 0; set < 1 << (bins.Count - 1); set++)
            {
                int[] ends = [.. bins.Where((_, i) => i == bins.Count - 1 || (set >> i & 1) == 1).Select(LengthBins.End)];
                least = Math.Min(least, LengthBuckets.CostOf(rows, line, new(inFlight, 64), ends));
            }

            var cost = LengthBuckets.CostOf(rows, line, new(inFlight, 64), chosen);
            Assert.True(cost <= least / 0.97 * (1 + 1e-9), $"{cost} and not {least}: {string.Join(' ', chosen)}");
            Assert.True(chosen.Length == 0 || cost <= least * (1 + 1e-9), $"{cost} and not {least}: {string.Join(' ', chosen)}");
        }
    }

    [Fact]
    public void Choose_ByLoad_FillsUpNothingForOneAndMergesForMany()
    {
        var shares = Uniform(4, 32);
        var line = new LengthCost.Line(50, 1, 0.001);

        Assert.Empty(LengthBuckets.Choose(shares, line, 1, 64));
        Assert.InRange(LengthBuckets.Choose(shares, line, 64, 64).Length, 2, LengthBuckets.Most);
        Assert.Empty(LengthBuckets.Choose(shares, line with { Fixed = 0 }, 64, 64));
        Assert.Equal([32], LengthBuckets.Choose(shares, new(1000, 0, 0), 64, 64));
    }

    [Fact]
    public void Choose_HostileLengths_StaysBounded()
    {
        var line = new LengthCost.Line(1e6, 1, 0.001);
        var all = new double[LengthBins.Count];
        Array.Fill(all, 1);
        var one = new double[LengthBins.Count];
        one[12] = 5;

        Assert.InRange(LengthBuckets.Choose(all, line, 1000, 64).Length, 1, LengthBuckets.Most);
        Assert.Empty(LengthBuckets.Choose(one, line, 64, 64));
        Assert.Empty(LengthBuckets.Choose(new double[LengthBins.Count], line, 64, 64));
    }

    [Fact]
    public void Choose_NearlyTheSameTraffic_KeepsWhatThereIs()
    {
        var line = new LengthCost.Line(50, 1, 0.001);
        var shares = Uniform(4, 32);
        var chosen = LengthBuckets.Choose(shares, line, 64, 64);
        shares[9] *= 1.05;
        int[] near = [.. chosen.Select((end, i) => i == 0 ? end + 1 : end)];

        Assert.Equal(near, LengthBuckets.Choose(shares, line, 64, 64, near));
        Assert.NotEqual([32], LengthBuckets.Choose(shares, line, 64, 64, [32]));
    }

    [Fact]
    public void Fit_RunsOfManyShapes_FindsTheCost()
    {
        var cost = new LengthCost();
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            int rows = random.Next(1, 65), length = random.Next(4, 65);
            cost.Add(rows, length, (1e-3 + (rows * length * (2e-5 + (1e-6 * length)))) * (1 + (random.NextDouble() * 0.1)), 1);
        }

        var line = Assert.NotNull(cost.Fit());
        Assert.InRange(line.Fixed, 0.8e-3, 1.3e-3);
        Assert.InRange(line.Row(20), 0.9 * 20 * 4e-5, 1.2 * 20 * 4e-5);
    }

    [Fact]
    public void Fit_RunsThatTellNothing_NeverReadAsFixedCost()
    {
        var cost = new LengthCost();
        for (var i = 0; i < 15; i++)
            cost.Add(1, 20, 1e-3, 1);
        Assert.Null(cost.Fit());

        for (var i = 0; i < 100; i++)
            cost.Add(1, 20, 1e-3, 1);
        cost.Add(0, 20, 1, 1);
        cost.Add(1, 20, double.NaN, 1);

        Assert.Equal(0, Assert.NotNull(cost.Fit()).Fixed);
    }

    private static double[] Uniform(int from, int to)
    {
        var shares = new double[LengthBins.Count];
        for (var length = from; length <= to; length++)
            shares[LengthBins.Of(length)] = 100;
        return shares;
    }
}
