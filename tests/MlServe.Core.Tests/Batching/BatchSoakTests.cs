using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

/// <summary>
/// Many callers at once, with all that can happen to a request, from a fixed seed. Short in a normal run; <c>MLSERVE_SOAK=1</c> makes it
/// fifty times as long: <c>MLSERVE_SOAK=1 dotnet test -c Release --filter-class '*BatchSoakTests'</c>.
/// </summary>
[Collection(Alone.Name)]
public sealed class BatchSoakTests
{
    private const int Callers = 32;
    private const long MaxGrowth = 4 << 20;

    private static readonly int CallsEach = Environment.GetEnvironmentVariable("MLSERVE_SOAK") is "1" ? 250_000 : 5_000;

    [Theory]
    [InlineData(RunMode.Auto, 0)]
    [InlineData(RunMode.Queued, 0)]
    [InlineData(RunMode.Inline, 0)]
    [InlineData(RunMode.Auto, 1)]
    public async Task ManyCallers_EveryCallEndsOnceAndMemoryStaysFlat(RunMode mode, int holdMilliseconds)
    {
        var model = new FakeModel { SampleRequest = Answers.Request(1) };
        var gate = new RunGate(2);
        await using var predictor = new PredictorBuilder(model).UseBatching(options =>
        {
            options.MaxBatchSize = 16;
            options.Readiness = BatchReadiness.WhenCalibrated;
            options.RunMode = mode;
            options.MaxQueuedRows = 200;
            options.MaxQueueDelay = TimeSpan.FromMilliseconds(holdMilliseconds);
        }).Build(new FakeServices(gate));
        var batcher = predictor.GetService<BatchingPredictor>()!;
        var slow = 0;
        model.OnRun = _ =>
        {
            // Now and then long enough that lines form, deadlines pass and runs leave the thread pool.
            if (Interlocked.Increment(ref slow) % 50 == 0) Thread.SpinWait(20_000);
            lock (model.Runs)
                model.Runs.Clear();
        };

        var calls = holdMilliseconds == 0 ? CallsEach : CallsEach / 10;
        await RunAsync(predictor, calls / 2, seed: 1);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await RunAsync(predictor, calls / 2, seed: 2);
        // A run is answered before it has left the gate, and a row may be run again behind the callers' backs.
        SpinWait.SpinUntil(
            () => batcher.AreRunnersIdle && batcher.InFlight == 0 && !batcher.HasWork && gate.CurrentRuns == 0, TimeSpan.FromSeconds(60));

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, MaxGrowth);
        Assert.Equal(0, batcher.InFlight);
        Assert.Equal(0, batcher.QueuedRows);
        Assert.Equal(0, batcher.InLine);
        Assert.Equal(0, gate.CurrentRuns);
        Assert.Equal(0, gate.CurrentWaiters);
        await predictor.DisposeAsync();
        Assert.Equal(0, model.LanesOut);
    }

    private static async Task RunAsync(IPredictor predictor, int callsEach, int seed)
    {
        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random((seed * 1000) + caller);
            for (var i = 0; i < callsEach; i++)
                await CallAsync(predictor, random, (caller * 10_000_000L) + 1 + (i * 64));
        })).ToList();
        await Task.WhenAll(callers);
    }

    private static async Task CallAsync(IPredictor predictor, Random random, long id)
    {
        var isCulprit = random.Next(100) == 0;
        var rows = random.Next(10) == 0 ? random.Next(1, 40) : 1;
        var width = random.Next(20) == 0 ? 2 : 1;
        var values = new long[rows * width];
        for (var row = 0; row < rows; row++)
            values[row * width] = isCulprit && row == rows - 1 ? -(id + row) : id + row;
        var options = new PredictionOptions
        {
            Priority = (RequestPriority)(random.Next(8) == 0 ? 1 : 0),
            Timeout = random.Next(4) == 0 ? TimeSpan.FromMilliseconds(random.Next(1, 20)) : null,
        };
        using var source = random.Next(4) == 0 ? new CancellationTokenSource() : null;
        var pending = predictor.PredictAsync(PredictionInputs.Rows(values, rows), options, source?.Token ?? default);
        if (source is not null && random.Next(2) == 0)
        {
            if (random.Next(2) == 0) await Task.Yield();
            await source.CancelAsync();
        }

        try
        {
            using var answer = await pending;
            switch (answer.Status)
            {
                case PredictionStatus.Ok:
                    Assert.False(isCulprit);
                    var ids = answer[0].AsSpan<long>();
                    Assert.Equal(rows, ids.Length);
                    for (var row = 0; row < rows; row++)
                        Assert.Equal(id + row, ids[row]);
                    break;
                case PredictionStatus.Invalid:
                    Assert.True(isCulprit);
                    Assert.Equal($"Row {-(id + rows - 1)} is negative.", answer.Error.Message);
                    break;
                case PredictionStatus.DeadlineExceeded:
                    Assert.NotNull(options.Timeout);
                    break;
                default:
                    Assert.Equal(PredictionStatus.Overloaded, answer.Status);
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            Assert.True(source!.IsCancellationRequested);
        }
    }
}
