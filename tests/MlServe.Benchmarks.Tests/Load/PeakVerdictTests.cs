namespace MlServe.Benchmarks.Load;

public class PeakVerdictTests
{
    private const long Megabyte = 1024 * 1024;

    private static readonly MemorySample[] Flat =
        [new(10 * Megabyte, 100 * Megabyte), new(10 * Megabyte, 101 * Megabyte), new(10 * Megabyte, 100 * Megabyte)];

    private static StepReport Good { get; } = new()
    {
        Name = "2 x",
        Offered = 10_000,
        Ok = 10_000,
        Missed = 50,
        Late = 50,
        UncorrectedMissed = 50,
        AllowedMisses = 76,
        LagP99Ms = 0.01,
    };

    [Fact]
    public void Decide_AllKept_Passes() => Assert.Equal(LoadVerdict.Pass, Decide(Good).Verdict);

    [Fact]
    public void Decide_TooManyLate_Fails()
    {
        var (verdict, reasons) = Decide(Good with { Missed = 80, Late = 80, UncorrectedMissed = 80 });

        Assert.Equal(LoadVerdict.Fail, verdict);
        Assert.Contains("80 of 10000", Assert.Single(reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_TooManyRefused_Fails() =>
        Assert.Equal(LoadVerdict.Fail, Decide(Good with { Missed = 80, Late = 0, Shed = 80, UncorrectedMissed = 80 }).Verdict);

    [Fact]
    public void Decide_TooFewRequests_Fails() =>
        Assert.Equal(
            LoadVerdict.Fail,
            Decide(Good with { Offered = 100, Ok = 100, Missed = 0, Late = 0, UncorrectedMissed = 0, AllowedMisses = -1 }).Verdict);

    [Fact]
    public void Decide_LateGenerator_VoidsWhatWouldPass() => Assert.Equal(LoadVerdict.Void, Decide(Good with { IsSpoiled = true }).Verdict);

    [Fact]
    public void Decide_LateGeneratorAndLateOnlyByIt_Voids() =>
        Assert.Equal(LoadVerdict.Void, Decide(Good with { IsSpoiled = true, Missed = 500, Late = 500, UncorrectedMissed = 10 }).Verdict);

    [Fact]
    public void Decide_LateGeneratorButLateFromSendingToo_Fails() =>
        Assert.Equal(LoadVerdict.Fail, Decide(Good with { IsSpoiled = true, Missed = 500, Late = 500, UncorrectedMissed = 400 }).Verdict);

    [Fact]
    public void Decide_ErrorInAnyStep_Fails() =>
        Assert.Equal(LoadVerdict.Fail, Decide(Good, other: Good with { Name = "1 x", Errors = 1, FirstError = "no" }).Verdict);

    [Fact]
    public void Decide_LostThoughGeneratorWasLate_Fails() =>
        Assert.Equal(LoadVerdict.Fail, Decide(Good with { IsSpoiled = true, Lost = 1 }).Verdict);

    [Fact]
    public void Decide_AnsweredTwice_Fails() => Assert.Equal(LoadVerdict.Fail, PeakVerdict.Decide([Good], Good, Flat, 0, twice: 1).Verdict);

    [Theory]
    [InlineData(5.0, true)]
    [InlineData(5.1, false)]
    [InlineData(null, false)]
    public void Decide_Recovery_MayTakeFiveSeconds(double? seconds, bool passes) =>
        Assert.Equal(passes ? LoadVerdict.Pass : LoadVerdict.Fail, PeakVerdict.Decide([Good], Good, Flat, seconds, 0).Verdict);

    [Fact]
    public void Decide_BrokenClock_Voids() => Assert.Equal(LoadVerdict.Void, Decide(Good with { IsClockBroken = true }).Verdict);

    [Theory]
    [InlineData(10, 18.4, 100, 100, false)]
    [InlineData(10, 18.6, 100, 100, true)]
    [InlineData(10, 10, 100, 112.9, false)]
    [InlineData(10, 10, 100, 113.1, true)]
    public void ProblemOf_Growth_AllowsFivePercentAndEightMegabytes(
        double heap, double lastHeap, double set, double lastSet, bool isProblem) =>
        Assert.Equal(isProblem, MemorySample.ProblemOf([Sample(heap, set), Sample(lastHeap, lastSet)]) is not null);

    [Fact]
    public void ProblemOf_HeapRisesInEveryStep_IsAProblemThoughSmall()
    {
        Assert.NotNull(MemorySample.ProblemOf([Sample(10, 100), Sample(10.5, 100), Sample(11, 100), Sample(11.5, 100)]));
        Assert.Null(MemorySample.ProblemOf([Sample(10, 100), Sample(10.5, 100), Sample(10.4, 100), Sample(11, 100)]));
    }

    private static MemorySample Sample(double heap, double set) => new((long)(heap * Megabyte), (long)(set * Megabyte));

    private static (LoadVerdict Verdict, IReadOnlyList<string> Reasons) Decide(StepReport decisive, StepReport? other = null) =>
        PeakVerdict.Decide([other ?? Good, decisive, Good], decisive, Flat, 0.5, 0);
}
