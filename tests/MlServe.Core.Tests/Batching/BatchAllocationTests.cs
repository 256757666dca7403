using MlServe.Onnx;
using MlServe.TestModels;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

[Collection(Alone.Name)]
[CountsAllocations]
public sealed class BatchAllocationTests
{
    private const int Callers = 512;
    private const int Window = 100_000;

    [Theory]
    [InlineData(false, false, 1e-4)]
    [InlineData(true, false, 1e-4)]
    [InlineData(false, true, 1e-4)]
    [InlineData(true, true, 1e-4)]
    [InlineData(false, false, 1e-2)]
    public async Task PredictAsync_512Outstanding_AllocatesNothingPerPrediction(bool withDeadline, bool withToken, double recheckRate)
    {
        await using var model = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(OnnxModel.Mlp(1, 4, 16, 3)));
        await using var predictor = new PredictorBuilder(model).UseBatching(batching => batching.RecheckRate = recheckRate)
            .Build(new FakeServices(new RunGate(2)));
        var options = withDeadline ? new PredictionOptions { Timeout = TimeSpan.FromHours(1) } : null;
        using var source = new CancellationTokenSource();
        var token = withToken ? source.Token : default;
        using var reached = new SemaphoreSlim(0);
        var done = 0;
        var stop = false;

        // Many calls each, so that what a caller itself allocates once does not count.
        var callers = Enumerable.Range(0, Callers).Select(async caller =>
        {
            var inputs = PredictionInputs.Row(new float[] { caller, 1, 2, 3 });
            await Task.Yield();
            while (!Volatile.Read(ref stop))
            {
                (await predictor.PredictAsync(inputs, options, token)).Dispose();
                if (Interlocked.Increment(ref done) % Window == 0) reached.Release();
            }
        }).ToList();

        for (var i = 0; i < 2; i++)
            await reached.WaitAsync();
        // The thread pool's own queues grow now and then, on a busy machine often: one window without that is asked.
        var least = double.MaxValue;
        for (var i = 0; i < 50 && least > 0.05; i++)
        {
            await reached.WaitAsync();
            var (bytes, count) = (GC.GetTotalAllocatedBytes(precise: true), Volatile.Read(ref done));
            await reached.WaitAsync();
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - bytes) / (double)(Volatile.Read(ref done) - count));
        }

        stop = true;
        await Task.WhenAll(callers);
        Assert.InRange(least, 0, 0.5);

        // What is run again alone is counted with the rest; where there is always work, that is put off.
        var statistics = predictor.GetService<MlServe.Batching.BatchStatistics>()!;
        for (var i = 0; recheckRate > 1e-3 && statistics.Rechecks == 0 && i < 10_000; i++)
        {
            var both = new[] { predictor.PredictAsync(PredictionInputs.Row(new float[] { i, 1, 2, 3 })).AsTask(),
                predictor.PredictAsync(PredictionInputs.Row(new float[] { i, 1, 2, 4 })).AsTask() };
            foreach (var answer in await Task.WhenAll(both))
                answer.Dispose();
            await Task.Delay(1);
        }

        Assert.True(recheckRate < 1e-3 || statistics.Rechecks > 0);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task PredictAsync_LoneCaller_AllocatesNothing(bool withDeadline, bool withToken)
    {
        await using var model = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(OnnxModel.Mlp(1, 4, 16, 3)));
        await using var predictor = new PredictorBuilder(model).UseBatching(static options =>
            options.RunMode = MlServe.Batching.RunMode.Inline)
            .Build(new FakeServices(new RunGate(2)));
        var inputs = PredictionInputs.Row(new float[] { 1, 2, 3, 4 });
        var options = withDeadline ? new PredictionOptions { Timeout = TimeSpan.FromHours(1) } : null;
        using var source = new CancellationTokenSource();
        var token = withToken ? source.Token : default;

        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < 1000; i++)
#pragma warning disable CA2012 // It has completed: it ran inline.
                predictor.PredictAsync(inputs, options, token).GetAwaiter().GetResult().Dispose();
#pragma warning restore CA2012
        }));
    }
}
