using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Engine;

/// <summary>When a call's time is over its caller has an answer, whatever the layers do and however they stand.</summary>
public sealed class DeadlineTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 60)];

    /// <summary>Layers never end until the test lets them: an answer at all is one of the deadline's.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task PredictAsync_AnyComposition_IsAnsweredWhenItsTimeIsOver(int seed)
    {
        var random = new Random(seed);
        using var stuck = new StuckLayers();
        using var model = TinyModels.Affine().Load();
        var builder = new PredictorBuilder(model);
        var said = new List<string>();
        var isOfCall = random.Next(2) == 0;
        var hasFallback = false;
        var (stuckOutside, stuckInside, limitOutside, limitInside) = (false, false, false, false);
        for (var layers = random.Next(1, 6); layers > 0; layers--)
        {
            switch (random.Next(hasFallback ? 4 : 5))
            {
                case 0:
                    var kind = (StuckKind)random.Next(3);
                    builder.Use(inner => stuck.Around(inner, kind));
                    said.Add($"stuck({kind})");
                    if (hasFallback) stuckInside = true;
                    else stuckOutside = true;
                    break;
                case 1:
                    builder.UseTimeout(Short);
                    said.Add("timeout");
                    if (hasFallback) limitInside = true;
                    else limitOutside = true;
                    break;
                case 2:
                    builder.Use(static inner => new Passing(inner));
                    said.Add("passing");
                    break;
                case 3:
                    builder.UseTelemetry("model");
                    said.Add("telemetry");
                    break;
                default:
                    var kindOfStep = (StuckKind)random.Next(3);
                    builder.UseFallback(chain => chain.Then(stuck.Step(kindOfStep)));
                    said.Add($"fallback({kindOfStep})");
                    hasFallback = true;
                    break;
            }
        }

        if (random.Next(2) == 0)
        {
            builder.UseCache();
            said.Add("cache");
        }

        if (random.Next(2) == 0)
        {
            builder.UseBatching();
            said.Add("batching");
        }

        // Whose time is nobody's has no end: a layer that is stuck where no limit reaches, and the call has none.
        var isBound = isOfCall || (stuckOutside ? limitOutside : !stuckInside || limitInside);
        var mayAskStep = hasFallback && stuckInside && !isOfCall && !limitOutside;
        if (!isBound || mayAskStep) return;

        await using var pipeline = builder.Build();
        var options = isOfCall ? new PredictionOptions { Timeout = Short } : null;
        var task = Task.Run(async () => await pipeline.PredictAsync(PredictionInputs.Row(new float[4]), options, Ct), Ct);
        Assert.True(await Task.WhenAny(task, Task.Delay(Guard, Ct)) == task, $"Not answered: {string.Join(" > ", said)}");
        using var answer = await task;
        if (stuckOutside || stuckInside) Assert.Equal(PredictionStatus.DeadlineExceeded, answer.Status);
        else Assert.True(answer.IsOk, string.Join(" > ", said));
        stuck.LetGo();
    }

    [Fact]
    public async Task UseTimeout_LayerBetweenItAndTheBatcherIsSlow_CallerIsAnsweredAndTheBatcherStillWorks()
    {
        using var stuck = new StuckLayers();
        using var model = TinyModels.Affine().Load();
        await using var pipeline = new PredictorBuilder(model).UseTimeout(Short)
            .Use(inner => stuck.Around(inner, StuckKind.Waits))
            .UseBatching()
            .Build();
        using (var late = await pipeline.PredictAsync(PredictionInputs.Row(new float[4]), cancellationToken: Ct))
            Assert.Equal(PredictionErrorCode.TimedOut, late.Error.Code);
        stuck.LetGo();
        using var answer = await pipeline.PredictAsync(
            PredictionInputs.Row(new float[4]), new() { Timeout = Timeout.InfiniteTimeSpan }, Ct);
        Assert.True(answer.IsOk);
    }

    [Fact]
    public async Task PredictAsync_CallerWritesItsArrayAfterTheAnswer_LayerSeesWhatWasSent()
    {
        var clock = new FakeTimeProvider();
        var go = new TaskCompletionSource();
        var seen = new ConcurrentBag<long>();
        var model = new FakePredictor(async (inputs, _) =>
        {
            await go.Task;
            seen.Add(Answers.IdOf(in inputs));
            return Answers.Echo(in inputs);
        });
        using var pipeline = new PredictorBuilder(model).UseTimeout(Short).Build(new FakeServices(clock));
        var values = new long[1];
        for (var id = 0; id < 20; id++)
        {
            values[0] = id;
            var task = pipeline.PredictAsync(PredictionInputs.Row(values), cancellationToken: Ct).AsTask();
            var calls = id + 1;
            await Eventually.BecomesTrue(() => model.Calls == calls, "the layer is called");
            clock.Advance(Short);
            using var answer = await task;
            Assert.Equal(PredictionStatus.DeadlineExceeded, answer.Status);
        }

        values[0] = 100;
        go.SetResult();
        await Eventually.BecomesTrue(() => seen.Count == 20, "all layers go on");
        Assert.Equal(Enumerable.Range(0, 20).Select(static id => (long)id), seen.Order());
    }

    [Fact]
    public async Task PredictAsync_LayerThatDoesNotHeedItsToken_CallerCancelsAndIsNotHeldUp()
    {
        using var stuck = new StuckLayers();
        using var source = new CancellationTokenSource();
        using var pipeline = new PredictorBuilder(new FakePredictor()).UseTimeout(Guard)
            .Use(inner => stuck.Around(inner, StuckKind.Blocks))
            .Build();
        var task = pipeline.PredictAsync(Answers.Request(1), null, source.Token).AsTask();
        await source.CancelAsync();
        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task.WaitAsync(Guard, Ct));
        Assert.Equal(source.Token, thrown.CancellationToken);
    }

    [Fact]
    public async Task PredictAsync_LayersThatNeverEnd_AreCountedAndBounded()
    {
        using var stuck = new StuckLayers();
        var meters = new FakeMeterFactory();
        var counted = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Name == MlServeDiagnostics.LayerOverrunsMetric && ReferenceEquals(instrument.Meter.Scope, meters))
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref counted, value));
        listener.Start();
        var clock = new FakeTimeProvider();
        using var pipeline = new PredictorBuilder(new FakePredictor()).UseTimeout(Short).Use(inner => stuck.Around(inner, StuckKind.Waits))
            .Build(new FakeServices(clock, meters));
        var tasks = Enumerable.Range(0, LayerOverruns.Most)
            .Select(i => pipeline.PredictAsync(Answers.Request(i), null, Ct).AsTask()).ToList();
        await Eventually.BecomesTrue(() => stuck.Inside == LayerOverruns.Most, "all are in the layer");
        clock.Advance(Short);
        foreach (var task in tasks)
            Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
        await Eventually.BecomesTrue(() => Interlocked.Read(ref counted) == LayerOverruns.Most, "all are counted");
        using (var refused = await pipeline.PredictAsync(Answers.Request(1), null, Ct))
            Assert.Equal((PredictionStatus.Overloaded, PredictionErrorCode.LayersOverrun), (refused.Status, refused.Error.Code));

        stuck.LetGo();
        await Eventually.BecomesTrue(() => stuck.Inside == 0, "all have left the layer");
        using var answer = await pipeline.PredictAsync(Answers.Request(5), new() { Timeout = Timeout.InfiniteTimeSpan }, Ct);
        Assert.True(answer.IsOk);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Timeout_Infinite_MeansNone(bool isOfCall)
    {
        var clock = new FakeTimeProvider();
        var inner = new PendingPredictor();
        using var pipeline = new PredictorBuilder(inner).UseTimeout(isOfCall ? Short : Timeout.InfiniteTimeSpan)
            .Build(new FakeServices(clock));
        var task = pipeline.PredictAsync(Answers.Request(1), isOfCall ? new() { Timeout = Timeout.InfiniteTimeSpan } : null, Ct).AsTask();
        clock.Advance(TimeSpan.FromDays(10));
        Assert.False(task.IsCompleted);
        inner.Answer();
        Assert.Equal(1, Answers.Read(await task));
    }

    [Fact]
    public async Task BatchingTimeout_CallAsksForAsLongAsItTakes_GoesBeforeIt()
    {
        using var model = TinyModels.Affine().Load();
        await using var pipeline = new PredictorBuilder(model).UseBatching(static options =>
        {
            options.Timeout = TimeSpan.FromTicks(1);
            options.RunMode = RunMode.Queued;
        }).Build();
        using var answer = await pipeline.PredictAsync(
            PredictionInputs.Row(new float[4]), new() { Timeout = Timeout.InfiniteTimeSpan }, Ct);
        Assert.True(answer.IsOk);
    }

    [Fact]
    public async Task PredictAsync_Layer_HasTheTimeThatIsLeftAndATokenThatEndsWithIt()
    {
        var clock = new FakeTimeProvider();
        CancellationToken given = default;
        var model = new FakePredictor(async (_, token) =>
        {
            given = token;
            await Task.Delay(Timeout.Infinite, token);
            return default;
        });
        using var pipeline = new PredictorBuilder(model).UseTimeout(TimeSpan.FromSeconds(3)).Build(new FakeServices(clock));
        var task = pipeline.PredictAsync(Answers.Request(1), null, Ct).AsTask();
        await Eventually.BecomesTrue(() => model.Calls == 1, "the layer is called");
        Assert.Equal(TimeSpan.FromSeconds(3), model.LastOptions!.Timeout);
        clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
        await Eventually.BecomesTrue(() => given.IsCancellationRequested, "the layer's token is cancelled");
    }

    private sealed class Passing(IPredictor inner) : DelegatingPredictor(inner);
}
