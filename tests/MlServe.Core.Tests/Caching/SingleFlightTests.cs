using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class SingleFlightTests : IDisposable
{
    private readonly PendingPredictor _inner = new();
    private readonly CacheHarness _harness;

    public SingleFlightTests() => _harness = new(_inner);

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task PredictAsync_EqualRequestsAtOnce_AreComputedOnce()
    {
        var tasks = Enumerable.Range(0, 50).Select(_ => Ask(1)).ToList();
        var other = Ask(2);
        Assert.Equal(2, _inner.Pending);

        _inner.Answer();
        var answers = await Task.WhenAll(tasks);

        Assert.All(answers, static answer => Assert.Equal(1, answer[0].ToScalar<long>()));
        Assert.Equal(PredictionSource.Model, answers[0].Origin.Source);
        Assert.All(answers.Skip(1), static answer => Assert.Equal(PredictionSource.Cache, answer.Origin.Source));
        Assert.Equal((49, 2), (_harness.Statistics.Coalesced, _harness.Statistics.Misses));

        // Each has a prediction of its own.
        answers[0].Dispose();
        answers[1].Dispose();
        Assert.Equal(1, answers[2][0].ToScalar<long>());
        _inner.Answer();
        Assert.Equal(2, Answers.Read(await other));
    }

    [Fact]
    public async Task PredictAsync_OneThatComputesIsCancelled_AnotherGoesOnWithoutHarm()
    {
        var first = Ask(1);
        var second = Ask(1);
        var third = Ask(1);

        _inner.Fail(new OperationCanceledException("The first has given up."));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Eventually.BecomesTrue(() => _inner.Pending == 1, "the second computes");
        Assert.False(second.IsCompleted || third.IsCompleted);
        _inner.Answer();

        Assert.Equal((1, 1), (Answers.Read(await second), Answers.Read(await third)));
        Assert.Equal(0, _inner.Pending);
        Assert.Equal(PredictionSource.Cache, await _harness.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_OneThatComputesIsThrownOutOf_OnlyItHearsOfIt()
    {
        var first = Ask(1);
        var second = Ask(1);

        _inner.Fail(new InvalidOperationException("Broken."));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await Eventually.BecomesTrue(() => _inner.Pending == 1, "the second computes");
        _inner.Answer();

        Assert.Equal(1, Answers.Read(await second));
    }

    [Fact]
    public async Task PredictAsync_OneThatComputesIsOverloaded_AnotherTriesForItself()
    {
        var first = Ask(1);
        var second = Ask(1);

        _inner.Refuse(FakePredictor.Refusal);
        Assert.Equal(PredictionStatus.Overloaded, (await first).Status);
        await Eventually.BecomesTrue(() => _inner.Pending == 1, "the second computes");
        _inner.Answer();

        Assert.Equal(1, Answers.Read(await second));
    }

    [Fact]
    public async Task PredictAsync_ModelFails_AllWhoWaitHearOfItAndItIsNotKept()
    {
        var error = new PredictionError(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Broken.");
        var tasks = Enumerable.Range(0, 3).Select(_ => Ask(1)).ToList();

        _inner.Refuse(error);

        Assert.All(await Task.WhenAll(tasks), answer => Assert.Same(error, answer.Error));
        var later = Ask(1);
        _inner.Answer();
        Assert.Equal(1, Answers.Read(await later));
    }

    [Fact]
    public async Task PredictAsync_OneThatWaitsIsCancelled_EndsAloneAndAtOnce()
    {
        using var source = new CancellationTokenSource();
        var first = Ask(1);
        var second = Ask(1, cancellationToken: source.Token);
        var third = Ask(1);

        await source.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.Equal(source.Token, cancelled.CancellationToken);
        _inner.Answer();

        Assert.Equal((1, 1), (Answers.Read(await first), Answers.Read(await third)));
    }

    [Fact]
    public async Task PredictAsync_TimeoutOfOneThatWaits_IsKept()
    {
        var first = Ask(1);
        var second = Ask(1, new() { Timeout = TimeSpan.FromMilliseconds(50) });

        _harness.Time.Advance(TimeSpan.FromMilliseconds(49));
        Assert.False(second.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(PredictionStatus.DeadlineExceeded, (await second).Status);
        _inner.Answer();
        Assert.Equal(1, Answers.Read(await first));
    }

    [Fact]
    public async Task PredictAsync_AllGiveUp_NothingIsLeftBehind()
    {
        using var source = new CancellationTokenSource();
        var first = Ask(1);
        var second = Ask(1, cancellationToken: source.Token);
        await source.CancelAsync();
        _inner.Fail(new OperationCanceledException());

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        var again = Ask(1);
        _inner.Answer();
        Assert.Equal(PredictionSource.Model, (await again).Origin.Source);
    }

    [Fact]
    public async Task DisposeAsync_RequestsUnderWay_WaitsForThem()
    {
        var first = Ask(1);
        var second = Ask(1);

        var closing = _harness.Cache.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted);
        _inner.Answer();

        Assert.Equal((1, 1), (Answers.Read(await first), Answers.Read(await second)));
        await closing;
    }

    [Fact]
    public async Task PredictAsync_ManyThreadsCancellingAtRandom_AnswersEveryRequestOnceAndRightly()
    {
        var inner = new FakePredictor(static async (inputs, cancellationToken) =>
        {
            var id = Answers.IdOf(in inputs);
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            if (id % 5 == 0) return Prediction.FromError(FakePredictor.Refusal);
            return Answers.Of(id);
        });
        using var harness = new CacheHarness(inner, static options => options.SizeLimit = 65_536);

        var counts = await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            var ended = 0;
            for (var i = 0; i < 3_000; i++)
            {
                var id = random.Next(300);
                using var source = new CancellationTokenSource();
                var options = new PredictionOptions
                {
                    Priority = (RequestPriority)random.Next(2),
                    Timeout = random.Next(3) == 0 ? TimeSpan.FromSeconds(1 + random.Next(100)) : null,
                };
                var pending = harness.Cache.PredictAsync(Answers.Request(id), options, source.Token).AsTask();
                if (random.Next(4) == 0) await source.CancelAsync();
                try
                {
                    using var answer = await pending;
                    if (answer.IsOk) Assert.Equal(id, answer[0].ToScalar<long>());
                    else Assert.Equal(0, id % 5);
                }
                catch (OperationCanceledException)
                {
                    Assert.True(source.IsCancellationRequested);
                }

                ended++;
            }

            return ended;
        })));

        Assert.Equal(8 * 3_000, counts.Sum());
        await Eventually.BecomesTrue(() => harness.Cache.DisposeAsync().AsTask().IsCompleted, "nothing is under way");
    }

    private Task<Prediction> Ask(long id, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        _harness.Cache.PredictAsync(Answers.Request(id), options, cancellationToken).AsTask();
}
