using Microsoft.Extensions.Time.Testing;
using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>A batcher over a model whose runs the test lets end, with a clock that the test moves.</summary>
internal sealed class Harness : IAsyncDisposable
{
    private readonly IPredictor _pipeline;
    private readonly bool _sharesGate;

    public Harness(
        Action<BatchingOptions>? configure = null, FakeModel? model = null, RunGate? gate = null, bool holdsRuns = true, int lanes = 1,
        FakeTimeProvider? clock = null)
    {
        Model = model ?? new();
        Gate = gate ?? new(lanes);
        Clock = clock ?? new();
        _sharesGate = gate is not null;
        _pipeline = new PredictorBuilder(Model).UseBatching(options =>
        {
            options.MaxBatchSize = 4;
            options.RunMode = RunMode.Queued;
            options.Lanes = lanes;
            configure?.Invoke(options);
        }).Build(new FakeServices(Gate, Clock));
        Model.HoldsRuns = holdsRuns;
        Batcher = _pipeline.GetService<BatchingPredictor>()!;
    }

    public FakeModel Model { get; }

    public RunGate Gate { get; }

    public FakeTimeProvider Clock { get; }

    public BatchingPredictor Batcher { get; }

    public BatchStatistics Statistics => _pipeline.GetService<BatchStatistics>()!;

    public IPredictor Pipeline => _pipeline;

    public Task<Prediction> Send(
        long id, TimeSpan? timeout = null, RequestPriority priority = default, CancellationToken cancellationToken = default) =>
        _pipeline.PredictAsync(PredictionInputs.Row(new[] { id }), new() { Timeout = timeout, Priority = priority }, cancellationToken)
            .AsTask();

    /// <summary>Sends numbers as rows of one request.</summary>
    public Task<Prediction> SendRows(long[] ids, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        _pipeline.PredictAsync(PredictionInputs.Rows(ids, ids.Length), new() { Timeout = timeout }, cancellationToken).AsTask();

    /// <summary>Sends one row of several numbers: a shape of its own.</summary>
    public Task<Prediction> SendWide(long id, int width) => _pipeline.PredictAsync(PredictionInputs.Row(Wide(id, width))).AsTask();

    public static long[] Wide(long id, int width)
    {
        var row = new long[width];
        row[0] = id;
        return row;
    }

    /// <summary>Keeps the only lane busy with a request of its own, so that what follows queues up.</summary>
    public async Task<FakeRun> BlockAsync(long id = 1_000_000)
    {
        _ = Send(id);
        return await Model.NextRunAsync();
    }

    /// <summary>Waits until nothing is under way.</summary>
    public void Settle()
    {
        SpinWait.SpinUntil(() => Batcher.AreRunnersIdle && Batcher.InFlight == 0 && !Batcher.HasWork);
        Assert.Equal(0, Batcher.QueuedRows);
    }

    /// <summary>Waits until everything that is under way is a batch that is held back.</summary>
    public void WaitUntilHeld() => SpinWait.SpinUntil(() => Batcher.IsHolding);

    public static async Task<long[]> Ids(Task<Prediction> task)
    {
        using var prediction = await task;
        Assert.True(prediction.IsOk, prediction.IsOk ? "" : prediction.Error.Message);
        return prediction[0].ToArray<long>();
    }

    public static async Task Expect(Task<Prediction> task, params long[] ids) => Assert.Equal(ids, await Ids(task));

    public static async Task<PredictionError> Fault(Task<Prediction> task) => (await task).Error;

    public async ValueTask DisposeAsync()
    {
        Model.LetRunsGo();
        await _pipeline.DisposeAsync();
        Assert.Equal(0, Batcher.QueuedRows);
        Assert.Equal(0, Batcher.InFlight);
        Assert.Equal(0, Model.LanesOut);

        // Whoever answers gives its place back a moment later: disposal waits for this batcher's runners, not for those of others at the
        // same gate.
        if (_sharesGate) await Eventually.BecomesTrue(() => Gate.CurrentRuns == 0, "the gate is empty");
        Assert.Equal(0, Gate.CurrentRuns);
    }
}
