using System.Diagnostics.Metrics;
using MlServe.Caching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

public sealed class CacheMetricsTests
{
    [Fact]
    public async Task Observe_HitsMissesAndBytes_AreReportedByModelAndOutliveTheVersion()
    {
        var host = new CacheHost();
        using var meters = new FakeMeterFactory();
        var identity = new ModelIdentity("digits", "1", "d");
        IPredictor Build() => new PredictorBuilder(new FakePredictor { Service = identity })
            .UseCache(static options => options.SwitchOffWhenUseless = false).Build(new FakeServices(meters, host));

        using (var first = Build())
        {
            for (var id = 0; id < 3; id++)
                (await first.PredictAsync(Answers.Request(id))).Dispose();
            (await first.PredictAsync(Answers.Request(0))).Dispose();
            Assert.True(Read(meters, MlServeDiagnostics.CacheBytesMetric) > 1000);
            Assert.Equal((3, 1), (Read(meters, MlServeDiagnostics.CacheEntriesMetric), Read(meters, MlServeDiagnostics.CacheActiveMetric)));
        }

        using var second = Build();
        (await second.PredictAsync(Answers.Request(0))).Dispose();
        (await second.PredictAsync(Answers.Request(0), new() { Outputs = ["nothing"] })).Dispose();

        Assert.Equal((1, 4, 1, 0), (Read(meters, MlServeDiagnostics.CacheHitsMetric), Read(meters, MlServeDiagnostics.CacheMissesMetric),
            Read(meters, MlServeDiagnostics.CacheBypassedMetric), Read(meters, MlServeDiagnostics.CacheEvictionsMetric)));
        Assert.Equal(1, Read(meters, MlServeDiagnostics.CacheEntriesMetric));
    }

    private static long Read(FakeMeterFactory meters, string instrument)
    {
        long sum = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (published, self) =>
        {
            if (published.Name == instrument && ReferenceEquals(published.Meter.Scope, meters)) self.EnableMeasurementEvents(published);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            Assert.Equal("digits", tags[0].Value);
            sum += value;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return sum;
    }
}
