using System.Diagnostics.Metrics;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

public sealed class CircuitBreakerTests
{
    [Theory]
    [InlineData(19, 0, CircuitState.Closed)]
    [InlineData(20, 0, CircuitState.Open)]
    [InlineData(1, 19, CircuitState.Closed)]
    [InlineData(2, 18, CircuitState.Open)]
    [InlineData(1, 18, CircuitState.Closed)]
    [InlineData(2, 17, CircuitState.Closed)]
    [InlineData(3, 40, CircuitState.Closed)]
    public async Task PredictAsync_FailuresAfterSuccesses_OpenByRatioAndThroughput(int failures, int successes, CircuitState expected)
    {
        using var harness = new CircuitHarness();
        await harness.SucceedAsync(successes);
        await harness.FailAsync(failures);
        Assert.Equal(expected, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_FailuresThatLeftTheWindow_DoNotCount()
    {
        using var harness = new CircuitHarness();
        await harness.FailAsync(19);
        harness.Clock.Advance(TimeSpan.FromSeconds(11));
        await harness.FailAsync(19);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        await harness.FailAsync(1);
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_TenRequestsASecond_OpensWithinTheWindow()
    {
        using var harness = new CircuitHarness();
        for (var i = 0; i < 20; i++)
        {
            await (i % 5 == 4 ? harness.FailAsync(1) : harness.SucceedAsync(1));
            harness.Clock.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_Open_RefusesWithWhatIsLeftOfTheBreakAndTheLastFailure()
    {
        using var harness = new CircuitHarness();
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(2));
        var calls = harness.Inner.Calls;

        using var refused = await harness.AskAsync();

        Assert.Equal(PredictionStatus.CircuitOpen, refused.Status);
        Assert.Equal(PredictionErrorCode.CircuitOpen, refused.Error.Code);
        Assert.Equal(TimeSpan.FromSeconds(3), refused.RetryAfter);
        Assert.Equal(TimeSpan.FromSeconds(3), harness.Breaker.RetryAfter);
        Ask.Says(refused.Error.Message, "'digits'", "3.0 s", "It is broken.");
        Assert.Same(CircuitHarness.Broken, harness.Breaker.LastFailure);
        Assert.Equal(calls, harness.Inner.Calls);
    }

    [Fact]
    public async Task PredictAsync_ClosedOpenHalfOpenClosed_AsProbesSucceed()
    {
        using var harness = new CircuitHarness();
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));

        await harness.SucceedAsync(2);
        Assert.Equal(CircuitState.HalfOpen, harness.Breaker.State);
        await harness.SucceedAsync(1);

        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        Assert.Equal([CircuitState.Open, CircuitState.HalfOpen, CircuitState.Closed], harness.Changes);
        Assert.Equal([6000, 6001, 6002], harness.Logs.Entries.Select(static entry => entry.Id.Id));

        // What was counted before is forgotten.
        await harness.FailAsync(19);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_ProbesFail_BreaksGetLongerUpToTheLongest()
    {
        using var harness = new CircuitHarness();
        await harness.BreakAsync();
        List<double> breaks = [];
        for (var i = 0; i < 6; i++)
        {
            breaks.Add(harness.Breaker.RetryAfter!.Value.TotalSeconds);
            harness.Clock.Advance(harness.Breaker.RetryAfter.Value);
            await harness.FailAsync(1);
            Assert.Equal(CircuitState.Open, harness.Breaker.State);
        }

        Assert.Equal([5, 10, 20, 40, 60, 60], breaks);
    }

    [Fact]
    public async Task PredictAsync_ClosedAgain_NextBreakIsTheFirst()
    {
        using var harness = new CircuitHarness();
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        await harness.FailAsync(1);
        harness.Clock.Advance(TimeSpan.FromSeconds(10));
        await harness.SucceedAsync(3);
        await harness.BreakAsync();
        Assert.Equal(TimeSpan.FromSeconds(5), harness.Breaker.RetryAfter);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 6)]
    public async Task PredictAsync_Jitter_StretchesAndShortensTheBreak(double chance, double seconds)
    {
        using var harness = new CircuitHarness(options => options.Jitter = () => chance);
        await harness.BreakAsync();
        Assert.Equal(seconds, harness.Breaker.RetryAfter!.Value.TotalSeconds, 3);
    }

    [Fact]
    public async Task PredictAsync_HalfOpen_LetsOneThroughThenOneMoreThanHaveSucceeded()
    {
        List<TaskCompletionSource<Prediction>> pending = [];
        CircuitHarness? harness = null;
        var holds = false;
        using var made = harness = new CircuitHarness(options => options.ProbeCount = 5, (_, _) =>
        {
            if (!holds) return new(harness!.Next());
            var source = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
            pending.Add(source);
            return new(source.Task);
        });
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        holds = true;

        List<Task<Prediction>> asked = [harness.AskAsync(), harness.AskAsync(), harness.AskAsync()];
        Assert.Single(pending);
        pending[0].SetResult(Answers.Of(1));
        (await asked[0]).Dispose();
        asked = [harness.AskAsync(), harness.AskAsync(), harness.AskAsync()];
        Assert.Equal(3, pending.Count);
        pending[1].SetResult(Answers.Of(1));
        pending[2].SetResult(Answers.Of(1));
        (await asked[0]).Dispose();
        (await asked[1]).Dispose();
        Assert.Equal(PredictionStatus.CircuitOpen, (await asked[2]).Status);
        Assert.Equal(CircuitState.HalfOpen, harness.Breaker.State);

        // Two are missing, and no more are tried.
        asked = [harness.AskAsync(), harness.AskAsync(), harness.AskAsync()];
        Assert.Equal(5, pending.Count);
        pending[3].SetResult(Answers.Of(1));
        pending[4].SetResult(Answers.Of(1));
        (await asked[0]).Dispose();
        (await asked[1]).Dispose();
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_ProbeSaysNothingOfTheModel_LeavesItsPlaceToAnother()
    {
        using var harness = new CircuitHarness(static options => options.ProbeCount = 1);
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        await harness.SendAsync(3, static () => Prediction.FromError(FakePredictor.Refusal));
        Assert.Equal(CircuitState.HalfOpen, harness.Breaker.State);
        await harness.SucceedAsync(1);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_EightThreads_NeverMoreProbesThanAllowed()
    {
        var running = 0;
        var most = 0;
        var isBroken = true;
        CircuitHarness? harness = null;
        using var made = harness = new CircuitHarness(
            static options => (options.ProbeCount, options.BreakDuration) = (1, TimeSpan.FromMilliseconds(1)), async (_, _) =>
        {
            if (isBroken) return Prediction.FromError(CircuitHarness.Broken);
            var now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            await Task.Yield();
            Interlocked.Decrement(ref running);
            return Prediction.FromError(CircuitHarness.Broken);
        });
        await harness.BreakAsync();
        isBroken = false;
        using var together = new Barrier(8, _ => harness.Clock.Advance(TimeSpan.FromMinutes(1)));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var round = 0; round < 300; round++)
                {
                    // The clock goes on while nobody asks: a probe that lasts as long as a break would let another through.
                    together.SignalAndWait();
                    for (var i = 0; i < 5; i++)
                        harness.AskAsync().GetAwaiter().GetResult().Dispose();
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.True(harness.Inner.Calls > 21, "The circuit was never tried.");
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task PredictAsync_FailureFromBeforeTheOpening_NeitherReopensNorCounts()
    {
        var late = new TaskCompletionSource<Prediction>(TaskCreationOptions.RunContinuationsAsynchronously);
        CircuitHarness? harness = null;
        var isFirst = true;
        using var made = harness = new CircuitHarness(static options => (options.MinimumThroughput, options.ProbeCount) = (2, 1), (_, _) =>
        {
            if (!isFirst) return new(harness!.Next());
            isFirst = false;
            return new(late.Task);
        });
        var first = harness.AskAsync();
        await harness.BreakAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));
        await harness.SucceedAsync(1);

        late.SetResult(Prediction.FromError(CircuitHarness.Broken));
        await first;
        await harness.FailAsync(1);

        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        Assert.Equal([CircuitState.Open, CircuitState.HalfOpen, CircuitState.Closed], harness.Changes);
    }

    [Theory]
    [InlineData(PredictionStatus.Invalid, PredictionErrorCode.InputMissing)]
    [InlineData(PredictionStatus.TooLarge, PredictionErrorCode.RequestTooLarge)]
    [InlineData(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull)]
    [InlineData(PredictionStatus.NotReady, PredictionErrorCode.Draining)]
    [InlineData(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut)]
    [InlineData(PredictionStatus.RateLimited, PredictionErrorCode.None)]
    [InlineData(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed)]
    public async Task PredictAsync_NotTheModelsFault_NeverCounts(PredictionStatus status, PredictionErrorCode code)
    {
        using var harness = new CircuitHarness();
        await harness.SendAsync(100, () => Prediction.FromError(new(status, code, "no")));
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        await harness.SucceedAsync(18);
        await harness.FailAsync(1);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_CutOffWhileItRan_Counts()
    {
        using var harness = new CircuitHarness();
        await harness.SendAsync(
            20, static () => Prediction.FromError(new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.RunTimedOut, "no")));
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_Cancelled_NeverCounts()
    {
        using var harness = new CircuitHarness(null, static (_, _) => ValueTask.FromCanceled<Prediction>(new(true)));
        for (var i = 0; i < 30; i++)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(harness.AskAsync);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_PredictorThrows_Counts()
    {
        using var harness = new CircuitHarness(null, static (_, _) => throw new InvalidOperationException("boom"));
        for (var i = 0; i < 20; i++)
            await Assert.ThrowsAsync<InvalidOperationException>(harness.AskAsync);
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
        Ask.Says(harness.Breaker.LastFailure!.Message, "boom");
    }

    [Fact]
    public async Task PredictAsync_RunSlowerThanTheServiceLevel_Counts()
    {
        using var harness = new CircuitHarness(services: new ServiceLevel { P99 = TimeSpan.FromMilliseconds(10) });
        harness.AddFallback();
        await harness.SendAsync(20, static () => Answers.Of(1, new() { RunTime = TimeSpan.FromMilliseconds(10) }));
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        await harness.SendAsync(3, static () => Answers.Of(1, new() { RunTime = TimeSpan.FromMilliseconds(11) }));
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
        Ask.Says(harness.Breaker.LastFailure!.Message, "service level");
    }

    [Fact]
    public async Task PredictAsync_DirectPathSlow_IsMeasuredWithoutTheQueue()
    {
        using var harness = new CircuitHarness(services: new ServiceLevel { P99 = TimeSpan.FromMilliseconds(10) });
        harness.AddFallback();
        Prediction Late(int queued)
        {
            harness.Clock.Advance(TimeSpan.FromMilliseconds(20));
            return Answers.Of(1, new() { QueueTime = TimeSpan.FromMilliseconds(queued) });
        }

        await harness.SendAsync(20, () => Late(15));
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        await harness.SendAsync(3, () => Late(5));
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task Isolate_RefusesWithoutAnEnd_UntilClosedByHand()
    {
        using var harness = new CircuitHarness();
        harness.Breaker.Isolate();
        harness.Clock.Advance(TimeSpan.FromDays(1));

        using var refused = await harness.AskAsync();
        Assert.Equal(PredictionErrorCode.CircuitIsolated, refused.Error.Code);
        Assert.Null(refused.RetryAfter);
        Assert.Null(harness.Breaker.RetryAfter);

        harness.Breaker.Close();
        Assert.Equal(PredictionStatus.Ok, await harness.StatusAsync());
        Assert.Equal([CircuitState.Isolated, CircuitState.Closed], harness.Changes);
    }

    [Fact]
    public async Task Open_ByHand_IsTriedAgainAfterTheBreak()
    {
        using var harness = new CircuitHarness();
        harness.Breaker.Open(TimeSpan.FromSeconds(30));
        Assert.Equal(PredictionStatus.CircuitOpen, await harness.StatusAsync());
        harness.Clock.Advance(TimeSpan.FromSeconds(30));
        await harness.SucceedAsync(3);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        Assert.Throws<ArgumentOutOfRangeException>(() => harness.Breaker.Open(TimeSpan.Zero));
    }

    [Fact]
    public async Task StateChanged_HandlerThrows_IsLoggedAndTheAnswerStays()
    {
        using var harness = new CircuitHarness();
        harness.Breaker.StateChanged += static (_, _) => throw new InvalidOperationException("boom");
        await harness.BreakAsync();
        Assert.Contains(harness.Logs.Entries, static entry => entry.Id.Id == 6004);
    }

    [Fact]
    public async Task ClockOfTheSystemJumps_WindowAndBreakStay()
    {
        using var harness = new CircuitHarness();
        await harness.FailAsync(10);
        harness.Clock.AdjustTime(harness.Clock.GetUtcNow().AddDays(-30));
        await harness.FailAsync(10);
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task Metrics_TellStateAndTransitionsOfEachVersion()
    {
        using var harness = new CircuitHarness();
        var transitions = new List<string>();
        var states = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, me) =>
        {
            if (instrument.Meter.Scope == harness.Meters && instrument.Name.StartsWith("mlserve.circuit.", StringComparison.Ordinal))
                me.EnableMeasurementEvents(instrument);
        };
        static string Of(ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            string.Join(' ', tags.ToArray().Select(static tag => tag.Value));
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => transitions.Add(Of(tags)));
        listener.SetMeasurementEventCallback<int>((_, value, tags, _) => states[Of(tags)] = value);
        listener.Start();

        await harness.BreakAsync();
        listener.RecordObservableInstruments();

        Assert.Equal(["digits 7 open"], transitions);
        Assert.Equal(1, states["digits 7 open"]);
        Assert.Equal(0, states["digits 7 closed"]);
        states.Clear();
        harness.Pipeline.Dispose();
        listener.RecordObservableInstruments();
        Assert.Empty(states);
    }

    [Fact]
    public async Task Pipelines_OfTwoVersions_HaveCircuitsOfTheirOwn()
    {
        using var one = new CircuitHarness();
        using var other = new CircuitHarness();
        await one.BreakAsync();
        Assert.Equal(PredictionStatus.Ok, await other.StatusAsync());
    }

    [Fact]
    public void Validate_Defaults_AreValidAndAsDocumented()
    {
        var options = new CircuitBreakerOptions();
        Assert.Empty(options.Validate());
        Assert.Equal((0.1, 20, 10.0, 5.0, 60.0, 3), (options.FailureRatio, options.MinimumThroughput, options.SamplingDuration.TotalSeconds,
            options.BreakDuration.TotalSeconds, options.MaxBreakDuration.TotalSeconds, options.ProbeCount));
        Assert.True(options.RequireFiniteOutputs);
        Assert.Equal(0.01, options.ProbabilityTolerance);
        Assert.Null(options.SlowRunThreshold);
        Assert.Empty(options.ProbabilityOutputs);
    }

    [Fact]
    public void Validate_WrongValues_NamesEachWithItsRange()
    {
        var options = new CircuitBreakerOptions
        {
            FailureRatio = double.NaN,
            MinimumThroughput = 1,
            SamplingDuration = TimeSpan.Zero,
            BreakDuration = TimeSpan.Zero,
            MaxBreakDuration = TimeSpan.FromDays(2),
            ProbeCount = 0,
            SlowRunThreshold = TimeSpan.Zero,
            ProbabilityTolerance = 2,
        };
        Assert.Equal(8, options.Validate().Count());
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen) return;
            seen = before;
        }
    }
}
