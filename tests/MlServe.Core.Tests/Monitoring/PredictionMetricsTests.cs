using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using MlServe.Monitoring;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

[Collection(Alone.Name)]
public sealed class PredictionMetricsTests : IDisposable
{
    private readonly TelemetryHarness _host = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Instruments_SeveralPredictors_AreMadeOnceEach()
    {
        var published = new List<Instrument>();
        using var first = _host.Build(new FakePredictor(), "one");
        using var second = _host.Build(new FakePredictor(), "two");
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, _host.Meters)) published.Add(instrument);
            },
        };
        listener.Start();

        Assert.Equal(1, _host.Meters.Creations);
        Assert.Equal(
            [
                ("mlserve.guest.faults", "{fault}", "ObservableCounter`1"),
                ("mlserve.layer.overruns", "{prediction}", "Counter`1"),
                ("mlserve.load.abandoned", "{thread}", "ObservableUpDownCounter`1"),
                ("mlserve.prediction.abandoned", "{prediction}", "ObservableCounter`1"),
                ("mlserve.prediction.active", "{prediction}", "ObservableUpDownCounter`1"),
                ("mlserve.prediction.duration", "s", "Histogram`1"),
                ("mlserve.run.active", "{run}", "ObservableUpDownCounter`1"),
                ("mlserve.run.limit", "{run}", "ObservableUpDownCounter`1"),
                ("mlserve.run.waiting", "{run}", "ObservableUpDownCounter`1"),
            ],
            published.Select(static instrument => (instrument.Name, instrument.Unit!, instrument.GetType().Name)).Order());
        Assert.All(published, static instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
    }

    [Fact]
    public void Duration_Buckets_BeginAtATenthOfAMillisecond()
    {
        var advice = PredictionMetrics.For(_host.Meters).Duration.Instrument!.Advice!.HistogramBucketBoundaries!;

        Assert.Equal(0.0001, advice[0]);
        Assert.Equal(10, advice[^1]);
        Assert.Equal(advice.Order(), advice);
    }

    [Fact]
    public async Task UseTelemetry_NoMeterFactory_SharesOneMeterOfTheProcess()
    {
        using var durations = new MetricCollector<double>(null, MlServeDiagnostics.MeterName, MlServeDiagnostics.PredictionDurationMetric);
        using var first = new PredictorBuilder(new FakePredictor()).UseTelemetry("fallback-1").Build();
        using var second = new PredictorBuilder(new FakePredictor()).UseTelemetry("fallback-2").Build();

        Answers.Read(await first.PredictAsync(Answers.Request(1), cancellationToken: Ct));
        Answers.Read(await second.PredictAsync(Answers.Request(2), cancellationToken: Ct));

        Assert.Same(PredictionMetrics.For(null), PredictionMetrics.For(null));
        Assert.Equal(
            ["fallback-1", "fallback-2"],
            durations.GetMeasurementSnapshot().Select(static measurement => measurement.Tags[MlServeDiagnostics.ModelTag]));
    }

    [Fact]
    public void Active_TwoPipelinesOfOneName_AreReportedTogether()
    {
        var inner = new PendingPredictor();
        using var first = _host.Build(inner);
        using var second = _host.Build(inner);

        _ = first.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();
        _ = second.PredictAsync(Answers.Request(2), cancellationToken: Ct).AsTask();

        Assert.Equal(2, _host.Active);
        Assert.Single(_host.Actives.GetMeasurementSnapshot());
    }

    [Fact]
    public void Run_GateOfTheHost_IsReported()
    {
        using var predictor = _host.Build(new FakePredictor());
        using var another = _host.Build(new FakePredictor());
        Assert.True(_host.RunGate.TryEnter());
        Assert.True(_host.RunGate.TryEnter());

        Assert.Equal(2, Observe<int>(MlServeDiagnostics.RunActiveMetric));
        Assert.Equal(3, Observe<int>(MlServeDiagnostics.RunLimitMetric));
        Assert.Equal(0, Observe<int>(MlServeDiagnostics.RunWaitingMetric));

        Assert.True(_host.RunGate.TryEnter());
        _host.RunGate.Enqueue(new Waiter());
        Assert.Equal(1, Observe<int>(MlServeDiagnostics.RunWaitingMetric));
    }

    [Fact]
    public void Abandoned_Process_IsWhatTheCollectorFound()
    {
        using var predictor = _host.Build(new FakePredictor());

        Assert.True(Observe<long>(MlServeDiagnostics.PredictionAbandonedMetric) <= PredictionState.Abandoned);
    }

    [Fact]
    public async Task Dispose_Idle_ForgetsTheModelAndKeepsItsCounts()
    {
        var models = PredictionTotals.ModelCount;
        var ended = PredictionTotals.Ended;
        for (var i = 0; i < 100; i++)
        {
            using var predictor = _host.Build(new FakePredictor(), $"model-{i}");
            Answers.Read(await predictor.PredictAsync(Answers.Request(i), cancellationToken: Ct));
        }

        Assert.Equal(models, PredictionTotals.ModelCount);
        Assert.Equal(ended + 100, PredictionTotals.Ended);
        Assert.Null(_host.Active);
    }

    [Fact]
    public async Task Dispose_WhileACallIsUnderWay_ForgetsTheModelWhenItEnds()
    {
        var models = PredictionTotals.ModelCount;
        var ended = PredictionTotals.Ended;
        var active = PredictionTotals.Active;
        var inner = new PendingPredictor();
        var predictor = _host.Build(inner);
        var pending = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();

        predictor.Dispose();
        Assert.Equal(1, _host.Active);
        Assert.Equal(active + 1, PredictionTotals.Active);

        inner.Answer();
        Answers.Read(await pending);
        Assert.Null(_host.Active);
        Assert.Equal(models, PredictionTotals.ModelCount);
        Assert.Equal(active, PredictionTotals.Active);
        Assert.Equal(ended + 1, PredictionTotals.Ended);
    }

    [Fact]
    public void Sweep_StragglerAfterTheModelWasForgotten_IsStillCounted()
    {
        var metrics = PredictionMetrics.For(_host.Meters);
        var ended = PredictionTotals.Ended;
        var active = PredictionTotals.Active;
        var statistics = metrics.Acquire("gone");
        metrics.Release(statistics);

        statistics.Begin();
        statistics.End(PredictionOutcome.Of(PredictionStatus.Ok));
        metrics.Sweep(statistics);

        Assert.Equal(ended + 1, PredictionTotals.Ended);
        Assert.Equal(active, PredictionTotals.Active);
    }

    [Fact]
    public void Acquire_AfterARelease_BeginsAnew()
    {
        var metrics = PredictionMetrics.For(_host.Meters);
        var first = metrics.Acquire("again");
        Assert.Same(first, metrics.Acquire("again"));
        metrics.Release(first);
        Assert.Same(first, metrics.Acquire("again"));
        metrics.Release(first);
        metrics.Release(first);

        var second = metrics.Acquire("again");
        Assert.NotSame(first, second);
        metrics.Release(second);
    }

    [Fact]
    public void For_FactoryThatIsGone_IsForgotten()
    {
        var metrics = Use();
        for (var i = 0; i < 10 && metrics.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(metrics.IsAlive);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static WeakReference Use()
        {
            using var meters = new FakeMeterFactory();
            return new(PredictionMetrics.For(meters));
        }
    }

    private T Observe<T>(string name)
        where T : struct
    {
        using var collector = new MetricCollector<T>(_host.Meters, MlServeDiagnostics.MeterName, name);
        collector.RecordObservableInstruments();
        return Assert.Single(collector.GetMeasurementSnapshot()).Value;
    }

    private sealed class Waiter : IGateWaiter
    {
        public long Charge { get; set; }

        public void Enter()
        {
        }
    }
}
