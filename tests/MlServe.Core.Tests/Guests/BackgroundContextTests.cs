using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MlServe.Batching;
using MlServe.Tests.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Guests;

/// <summary>
/// Where a batch is run for many, on whichever thread, no caller's context is seen: neither that of the first, for whom the threads and
/// timers were made, nor another's.
/// </summary>
public sealed class BackgroundContextTests
{
    private static readonly AsyncLocal<string?> Tenant = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Batch_OnThePoolOrAThreadOfItsOwn_SeesNoTenant(bool runsLong)
    {
        using var meters = new FakeMeterFactory();
        var seen = new ConcurrentQueue<string>();
        var (runs, measured) = (0, 0);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name.StartsWith("mlserve.batch.", StringComparison.Ordinal)) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Note("metric", ref measured));
        listener.Start();
        var model = new FakeModel
        {
            OnRun = rows =>
            {
                Note("run", ref runs);
                if (runsLong) SpinWait.SpinUntil(static () => false, 3);
            },
        };
        Tenant.Value = "first";
        await using var predictor = new PredictorBuilder(model).UseBatching(static options =>
        {
            options.RunMode = RunMode.Queued;
            options.MaxQueueDelay = TimeSpan.FromMilliseconds(1);
        }).Build(new FakeServices(meters));

        for (var round = 0; round < 20; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
            {
                Tenant.Value = $"caller {caller}";
                using var answer = await predictor.PredictAsync(
                    PredictionInputs.Row(new long[] { caller }), new() { Timeout = TimeSpan.FromMinutes(1) });
                Assert.Equal($"caller {caller}", Tenant.Value);
            })));
        }

        Assert.True(runs > 0);
        await Eventually.BecomesTrue(() => Volatile.Read(ref measured) > 0, "batches are measured");
        Assert.Empty(seen);

        void Note(string what, ref int count)
        {
            Interlocked.Increment(ref count);
            if (Tenant.Value is { } tenant) seen.Enqueue($"{what}: {tenant}");
        }
    }
}
