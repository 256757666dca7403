using Microsoft.Extensions.Time.Testing;
using MlServe.Onnx;

namespace MlServe.Tests.Batching;

/// <summary>Batchers of several models at one gate.</summary>
public sealed class BatchGateTests
{
    private readonly RunGate _gate = new(1);
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task PredictAsync_AnotherModelHasABacklog_DoesNotStandBehindIt()
    {
        await using var slow = new Harness(static options => (options.MaxBatchSize, options.Lanes) = (1, 4), gate: _gate, clock: _clock);
        await using var fast = new Harness(gate: _gate, clock: _clock);
        var run = await slow.BlockAsync();
        var waiting = Enumerable.Range(0, 20).Select(i => slow.Send(i)).ToList();
        await Eventually.BecomesTrue(() => _gate.CurrentWaiters == 3, "the other lanes' runners wait");
        var other = fast.Send(100);
        await Eventually.BecomesTrue(() => _gate.CurrentWaiters == 4, "the other model's runner waits");

        // Each run takes 80 ms.
        for (var round = 0; round < 2; round++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(80));
            run.Finish();
            if (round == 0) run = await slow.Model.NextRunAsync();
        }

        var shortRun = await fast.Model.NextRunAsync();
        Assert.Equal([100], shortRun.Rows);
        Assert.Equal(2, slow.Model.Runs.Count);
        shortRun.Finish();
        await Harness.Expect(other, 100);
        slow.Model.LetRunsGo();
        foreach (var task in waiting)
            (await task).Dispose();
    }

    [Fact]
    public async Task PredictAsync_OnlyWorkInBulk_YieldsToOtherModelsUntilItHasWaitedLongEnough()
    {
        foreach (var isAged in new[] { false, true })
        {
            await using var bulk = new Harness(
                static options => options.MaxBulkDelay = TimeSpan.FromSeconds(5), gate: _gate, clock: _clock);
            await using var normal = new Harness(gate: _gate, clock: _clock);
            Assert.True(_gate.TryEnter());
            var first = bulk.Send(1, priority: RequestPriority.Bulk);
            await Eventually.BecomesTrue(() => _gate.CurrentWaiters == 1, "the runner of work in bulk waits");
            _clock.Advance(TimeSpan.FromSeconds(isAged ? 5 : 4));
            var second = normal.Send(2);
            await Eventually.BecomesTrue(() => _gate.CurrentWaiters == 2, "the other runner waits");

            _gate.Exit();
            var (next, last) = isAged ? (bulk, normal) : (normal, bulk);
            var run = await next.Model.NextRunAsync();
            Assert.Empty(last.Model.Runs);
            run.Finish();
            (await last.Model.NextRunAsync()).Finish();
            await Harness.Expect(first, 1);
            await Harness.Expect(second, 2);
        }
    }

    [Fact]
    public async Task PredictAsync_WhatIsNotBatched_StandsInTheModelsOneLine()
    {
        await using var model = TinyModels.Affine().Load(null, new() { RunGate = _gate });
        await using var predictor = new PredictorBuilder(model).UseBatching(static options =>
            options.RunMode = MlServe.Batching.RunMode.Queued)
            .Build(new Fakes.FakeServices(_gate));
        Assert.True(_gate.TryEnter());
        var batched = predictor.PredictAsync(PredictionInputs.Row(new float[4]), cancellationToken: TestContext.Current.CancellationToken)
            .AsTask();
        await Eventually.BecomesTrue(() => _gate.CurrentWaiters == 1, "the runner waits");
        var passedOn = predictor.PredictAsync(
            PredictionInputs.Rows(Array.Empty<float>(), 0), cancellationToken: TestContext.Current.CancellationToken).AsTask();
        Assert.Equal((2, 1), (_gate.CurrentWaiters, _gate.CurrentFlows));
        _gate.Exit();
        (await batched).EnsureOk().Dispose();
        (await passedOn).EnsureOk().Dispose();
    }
}
