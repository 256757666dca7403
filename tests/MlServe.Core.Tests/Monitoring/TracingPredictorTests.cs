using System.Collections.Concurrent;
using System.Diagnostics;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

/// <summary>Alone, because a listener listens to the whole process.</summary>
[Collection(Alone.Name)]
public sealed class TracingPredictorTests : IDisposable
{
    private readonly ConcurrentQueue<Activity> _stopped = new();
    private readonly ActivityListener _listener;

    public TracingPredictorTests()
    {
        _listener = new()
        {
            ShouldListenTo = static source => source.Name == MlServeDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task PredictAsync_Ok_SaysWhoAnswered()
    {
        var origin = new PredictionOrigin
        {
            Model = new("digits", "3", new string('a', 64)),
            Source = PredictionSource.StaleCache,
            BatchRows = 16,
        };
        using var predictor = Build(new FakePredictor((_, _) => new(Answers.Of(1, origin))));

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        var activity = Assert.Single(_stopped);
        Assert.Equal("predict digits", activity.OperationName);
        Assert.Equal(ActivityKind.Internal, activity.Kind);
        Assert.Equal(ActivityStatusCode.Unset, activity.Status);
        Assert.Equal(
            new Dictionary<string, object?>
            {
                [MlServeDiagnostics.ModelTag] = "digits",
                [MlServeDiagnostics.RowsTag] = 1,
                [MlServeDiagnostics.StatusTag] = "ok",
                [MlServeDiagnostics.SourceTag] = "stale_cache",
                [MlServeDiagnostics.BatchRowsTag] = 16,
                [MlServeDiagnostics.VersionTag] = "3",
                [MlServeDiagnostics.DigestTag] = "aaaaaaaaaaaa",
            },
            activity.TagObjects.ToDictionary());
    }

    [Theory]
    [InlineData(PredictionSource.Model, "model")]
    [InlineData(PredictionSource.Cache, "cache")]
    [InlineData(PredictionSource.Fallback, "fallback")]
    public async Task PredictAsync_AnotherModelAnswered_SaysWhich(PredictionSource source, string tag)
    {
        using var predictor = Build(new FakePredictor((_, _) => new(Answers.Of(1, new() { Model = new("small"), Source = source }))));

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        var activity = Assert.Single(_stopped);
        Assert.Equal(tag, activity.GetTagItem(MlServeDiagnostics.SourceTag));
        Assert.Equal("small", activity.GetTagItem(MlServeDiagnostics.AnsweredByTag));
        Assert.Null(activity.GetTagItem(MlServeDiagnostics.DigestTag));
    }

    [Theory]
    [InlineData(PredictionStatus.Invalid, ActivityStatusCode.Unset)]
    [InlineData(PredictionStatus.RateLimited, ActivityStatusCode.Unset)]
    [InlineData(PredictionStatus.Failed, ActivityStatusCode.Error)]
    [InlineData(PredictionStatus.Overloaded, ActivityStatusCode.Error)]
    [InlineData(PredictionStatus.DeadlineExceeded, ActivityStatusCode.Error)]
    public async Task PredictAsync_NotOk_IsAnErrorWhereTheCallerIsNotToBlame(PredictionStatus status, ActivityStatusCode expected)
    {
        using var predictor = Build(new FakePredictor(new PredictionError(status, PredictionErrorCode.QueueFull, "no")));

        await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        var activity = Assert.Single(_stopped);
        Assert.Equal(expected, activity.Status);
        Assert.Equal(status.ToTag(), activity.GetTagItem(MlServeDiagnostics.StatusTag));
        Assert.Equal(status.ToTag(), activity.GetTagItem(MlServeDiagnostics.ErrorTypeTag));
        Assert.Equal("QueueFull", activity.GetTagItem(MlServeDiagnostics.ErrorCodeTag));
    }

    [Theory]
    [InlineData(false, ActivityStatusCode.Error, MlServeDiagnostics.ExceptionErrorType)]
    [InlineData(true, ActivityStatusCode.Unset, MlServeDiagnostics.CancelledErrorType)]
    public async Task PredictAsync_Throws_IsAnErrorUnlessTheCallerCancelled(bool cancelled, ActivityStatusCode expected, string errorType)
    {
        Exception exception = cancelled ? new OperationCanceledException() : new InvalidOperationException("boom");
        using var predictor = Build(new FakePredictor((_, _) => throw exception));

        Assert.Same(exception, await Assert.ThrowsAnyAsync<Exception>(
            async () => await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct)));

        var activity = Assert.Single(_stopped);
        Assert.Equal(expected, activity.Status);
        Assert.Equal(errorType, activity.GetTagItem(MlServeDiagnostics.ErrorTypeTag));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_Activity_FlowsInwardsAndNotToTheCaller(bool stoppedParent)
    {
        var log = new List<string>();
        var seenBefore = default(Activity);
        var seenAfter = default(Activity);
        var source = new TaskCompletionSource<Prediction>();
        using var caller = new Activity("caller").Start();
        // As in work that goes on after its request has ended.
        if (stoppedParent) await StopElsewhereAsync(caller);
        using var predictor = new PredictorBuilder(new FakePredictor((_, _) => new(source.Task)))
            .UseTelemetry("digits")
            .UseStage((_, _) => new FakeStage("a", log)
            {
                OnBefore = (ref StageCall _) =>
                {
                    seenBefore = Activity.Current;
                    return true;
                },
                OnAfter = (ref StageCall _) => seenAfter = Activity.Current,
            })
            .Build();

        var pending = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();

        Assert.Same(caller, Activity.Current);
        Activity? onTheOtherThread = null;
        using (ExecutionContext.SuppressFlow())
        {
            new Thread(() =>
            {
                source.SetResult(Answers.Of(1));
                onTheOtherThread = Activity.Current;
            }).Start();
        }

        Answers.Read(await pending);

        var activity = Assert.Single(_stopped);
        Assert.Same(caller, activity.Parent);
        Assert.Same(activity, seenBefore);
        Assert.Same(activity, seenAfter);
        Assert.Same(caller, Activity.Current);
        Assert.Null(onTheOtherThread);

        static async Task StopElsewhereAsync(Activity activity)
        {
            await Task.Yield();
            activity.Stop();
        }
    }

    [Fact]
    public async Task PredictAsync_ManyAtOnce_EachStopsItsOwn()
    {
        using var predictor = Build(new FakePredictor(static async (inputs, _) =>
        {
            for (var yields = Answers.IdOf(in inputs) % 4; yields > 0; yields--)
                await Task.Yield();
            Activity.Current!.SetTag("id", Answers.IdOf(in inputs));
            return Answers.Of(Answers.IdOf(in inputs), new() { BatchRows = (int)Answers.IdOf(in inputs) + 1 });
        }));

        await Task.WhenAll(Enumerable.Range(0, 16).Select(caller => Task.Run(
            async () =>
            {
                for (var i = 0; i < 50; i++)
                {
                    using var own = new Activity("caller").Start();
                    Answers.Read(await predictor.PredictAsync(Answers.Request((caller * 50) + i), cancellationToken: Ct));
                    Assert.Same(own, Activity.Current);
                }
            },
            Ct)));

        Assert.Equal(800, _stopped.Count);
        Assert.All(_stopped, static activity => Assert.Equal(
            (long)activity.GetTagItem("id")! + 1, (int)activity.GetTagItem(MlServeDiagnostics.BatchRowsTag)!));
        Assert.Equal(800, _stopped.Select(static activity => activity.GetTagItem("id")).Distinct().Count());
    }

    [Fact]
    public async Task PredictAsync_ListenerThrows_TheCallerGetsTheAnswer()
    {
        using var throwing = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == MlServeDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = static _ => throw new InvalidOperationException("listener"),
            ActivityStopped = static _ => throw new InvalidOperationException("listener"),
        };
        ActivitySource.AddActivityListener(throwing);
        using var predictor = Build(new FakePredictor());
        var before = Activity.Current;

        Assert.Equal(1, Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct)));
        Assert.Same(before, Activity.Current);
    }

    [Fact]
    public async Task PredictAsync_NobodyListens_MakesNoActivity()
    {
        _listener.Dispose();
        var seen = default(Activity);
        using var predictor = Build(new FakePredictor((inputs, _) =>
        {
            seen = Activity.Current;
            return new(Answers.Echo(inputs));
        }));

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Null(seen);
        Assert.Empty(_stopped);
    }

    private static IPredictor Build(IPredictor inner) => new PredictorBuilder(inner).UseTelemetry("digits").Build();
}
