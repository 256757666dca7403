using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

[Collection(Alone.Name)]
public sealed class CacheMemoryTests
{
    [Fact]
    public async Task PredictAsync_AMillionKeysUnderABoundOf16Megabytes_TakesNoMoreMemoryThanThat()
    {
        const long Limit = 16L * 1024 * 1024;
        using var harness = new CacheHarness(new FakePredictor(), static options => options.SizeLimit = Limit);
        await harness.SourceOf(-1);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var id = 0; id < 1_000_000; id++)
            (await harness.Cache.PredictAsync(Answers.Request(id))).Dispose();

        var taken = GC.GetTotalMemory(forceFullCollection: true) - before;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{taken:N0} bytes for {harness.Statistics.Entries:N0} entries counted as {harness.Statistics.Bytes:N0}");
        Assert.InRange(harness.Statistics.Bytes, Limit * 9 / 10, Limit);
        Assert.InRange(taken, Limit / 3, Limit * 11 / 10);
    }
}
