using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class StaleAnswerTests
{
    private readonly CacheHost _host = new();

    [Fact]
    public async Task TryGetStaleAnswer_EntryPastItsTime_IsGivenMarkedWithItsAge()
    {
        using var harness = new CacheHarness(new FakePredictor(), static options => options.TimeToLive = TimeSpan.FromMinutes(1));
        var stale = harness.Cache.GetService<IStaleAnswers>()!;
        Assert.False(stale.TryGetStaleAnswer(Answers.Request(1), null, out _));
        await harness.SourceOf(1);
        harness.Time.Advance(TimeSpan.FromHours(2));

        Assert.True(stale.TryGetStaleAnswer(Answers.Request(1), null, out var answer));
        Assert.Equal((PredictionSource.StaleCache, TimeSpan.FromHours(2)), (answer.Origin.Source, answer.Origin.Age));
        Assert.Equal(1, Answers.Read(answer));
        Assert.False(stale.TryGetStaleAnswer(Answers.Request(2), null, out _));
        Assert.False(stale.TryGetStaleAnswer(default, null, out _));
        Assert.False(stale.TryGetStaleAnswer(Answers.Request(1), new() { Outputs = ["nothing"] }, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TryGetStaleAnswer_AnswerOfAnotherVersion_OnlyIfTheOptionSaysSo(bool option)
    {
        using var old = new CacheHarness(Version("1"), options => options.StaleFromOtherVersions = option, host: _host);
        await old.SourceOf(1);
        using var current = new CacheHarness(Version("2"), options => options.StaleFromOtherVersions = option, host: _host);

        // The version that was there may be closed by now.
        old.Cache.Dispose();
        var found = current.Cache.GetService<IStaleAnswers>()!.TryGetStaleAnswer(Answers.Request(1), null, out var answer);

        Assert.Equal(option, found);
        if (option) Assert.Equal("1", answer.Origin.Model!.Version);
        answer.Dispose();
        Assert.Equal(option ? 1 : 0, current.Statistics.Entries);
        Assert.Equal(PredictionSource.Model, await current.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_TwoVersionsAndTwoModelsOfEqualInputs_NeverSeeEachOthersAnswers()
    {
        using var first = TinyModels.Affine().Load(context: new() { Name = "one" });
        using var second = new TinyOnnx().Input("x", Tensors.ElementType.Float, "N", 4L)
            .Node("Neg", "x", "y")
            .Output("y", Tensors.ElementType.Float, "N", 4L)
            .Load(context: new() { Name = "one" });
        using var third = TinyModels.Affine().Load(context: new() { Name = "two" });
        using var a = new CacheHarness(first, host: _host);
        using var b = new CacheHarness(second, host: _host);
        using var c = new CacheHarness(third, host: _host);
        var request = PredictionInputs.Row<float>([1, 2, 3, 4]);

        foreach (var (harness, expected) in ((CacheHarness, float)[])[(a, 3), (b, -1), (c, 3)])
        {
            using var miss = await harness.Cache.PredictAsync(request);
            using var hit = await harness.Cache.PredictAsync(request);
            Assert.Equal((PredictionSource.Model, PredictionSource.Cache), (miss.Origin.Source, hit.Origin.Source));
            Assert.Equal((expected, expected), (miss[0].AsSpan<float>()[0], hit[0].AsSpan<float>()[0]));
        }

        // Versions of one model share its bytes.
        Assert.Equal((2, 2, 1), (a.Statistics.Entries, b.Statistics.Entries, c.Statistics.Entries));
    }

    [Fact]
    public async Task PredictAsync_VersionsSwappedWhileHitsAreServed_AnswersAlwaysByTheVersionAsked()
    {
        var current = new CacheHarness(Version("0"), host: _host);
        using var stop = new CancellationTokenSource();
        var served = 0L;
        var callers = Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            while (!stop.IsCancellationRequested)
            {
                var harness = Volatile.Read(ref current);
                var version = harness.Cache.GetService<ModelIdentity>()!.Version;
                try
                {
                    using var answer = await harness.Cache.PredictAsync(Answers.Request(random.Next(20)));
                    Assert.Equal(version, answer.Origin.Model!.Version);
                    Interlocked.Increment(ref served);
                }
                catch (ObjectDisposedException)
                {
                }
            }
        })).ToList();

        for (var version = 1; version <= 50; version++)
        {
            var next = new CacheHarness(Version($"{version}"), host: _host);
            var old = Interlocked.Exchange(ref current, next);
            await old.Cache.DisposeAsync();
            var before = Volatile.Read(ref served);
            await Eventually.BecomesTrue(() => Volatile.Read(ref served) > before + 100, "the new version serves");
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);
        current.Dispose();
    }

    private static FakePredictor Version(string version)
    {
        var identity = new ModelIdentity("m", version, "digest" + version);
        return new((inputs, _) => new(Answers.Of(Answers.IdOf(in inputs), new() { Model = identity }))) { Service = identity };
    }
}
