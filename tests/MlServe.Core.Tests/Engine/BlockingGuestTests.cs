using System.Diagnostics.Metrics;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Engine;

/// <summary>
/// What is told that a call's time is over, or that its caller has given up, may block: neither that caller nor another waits for it.
/// </summary>
public sealed class BlockingGuestTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly ManualResetEventSlim _go = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _go.Set();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task PredictAsync_LayersCallbackBlocksWhenTheCallerCancels_NeitherTheCancelNorTheAnswerWaits()
    {
        using var source = new CancellationTokenSource();
        var model = new FakePredictor(BlockWhenCancelledAsync);
        using var pipeline = new PredictorBuilder(model).UseTimeout(TimeSpan.FromMinutes(5)).Build();
        var task = pipeline.PredictAsync(Answers.Request(1), null, source.Token).AsTask();
        await Eventually.BecomesTrue(() => model.Calls == 1, "the layer is called");
        await Task.Factory.StartNew(source.Cancel, Ct, TaskCreationOptions.LongRunning, TaskScheduler.Default).WaitAsync(Guard, Ct);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task.WaitAsync(Guard, Ct));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_WhoIsToldOfALateLayerBlocks_DeadlinesOfOthersAreKept(bool isListener)
    {
        var meters = new FakeMeterFactory();
        using var listener = new MeterListener();
        var isInside = new TaskCompletionSource();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (isListener && ReferenceEquals(instrument.Meter.Scope, meters)) listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) =>
        {
            isInside.TrySetResult();
            _go.Wait();
        });
        listener.Start();
        using var late = new PredictorBuilder(new FakePredictor((inputs, token) =>
        {
            // The last to be registered is the first to be called.
            var pending = BlockWhenCancelledAsync(inputs, token);
            if (!isListener) token.Register(() => isInside.TrySetResult());
            return pending;
        })).UseTimeout(Short).Build(new FakeServices(TimeProvider.System, meters));
        using (var answer = await late.PredictAsync(Answers.Request(1), null, Ct).AsTask().WaitAsync(Guard, Ct))
            Assert.Equal(PredictionStatus.DeadlineExceeded, answer.Status);
        await isInside.Task.WaitAsync(Guard, Ct);

        using var stuck = new StuckLayers();
        using var other = new PredictorBuilder(new FakePredictor()).UseTimeout(Short)
            .Use(inner => stuck.Around(inner, StuckKind.Waits))
            .Build();
        using var another = await other.PredictAsync(Answers.Request(2), null, Ct).AsTask().WaitAsync(Guard, Ct);
        Assert.Equal(PredictionStatus.DeadlineExceeded, another.Status);
    }

    private async ValueTask<Prediction> BlockWhenCancelledAsync(PredictionInputs inputs, CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(() =>
        {
            cancelled.TrySetResult();
            _go.Wait(CancellationToken.None);
        });
        await cancelled.Task;
        throw new OperationCanceledException(token);
    }
}
