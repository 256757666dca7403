using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using MlServe.Monitoring;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

public sealed class TelemetryStageTests : IDisposable
{
    private readonly TelemetryHarness _host = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PredictAsync_Ok_RecordsTheDurationByModelAndWithoutAnErrorType(bool pending)
    {
        using var predictor = _host.Build(new FakePredictor(async (inputs, _) =>
        {
            if (pending) await Task.Yield();
            _host.Time.Advance(TimeSpan.FromMilliseconds(250));
            return Answers.Echo(inputs);
        }));

        Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        var measurement = Assert.Single(_host.Durations.GetMeasurementSnapshot());
        Assert.Equal(0.25, measurement.Value, 9);
        Assert.Equal([new(MlServeDiagnostics.ModelTag, TelemetryHarness.Model)], measurement.Tags);
        Assert.Equal(0, _host.Active);
    }

    [Fact]
    public async Task PredictAsync_EveryStatusButOk_IsTheErrorType()
    {
        foreach (var status in Enum.GetValues<PredictionStatus>().Where(static status => status != PredictionStatus.Ok))
        {
            using var predictor = _host.Build(new FakePredictor(new PredictionError(status, PredictionErrorCode.None, "no")));

            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

            Assert.Equal(status.ToTag(), LastErrorType());
            Assert.Equal(0, _host.Active);
        }
    }

    [Fact]
    public async Task PredictAsync_DefaultPrediction_IsFailed()
    {
        using var predictor = _host.Build(new FakePredictor(static (_, _) => default));

        await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Equal("failed", LastErrorType());
    }

    [Theory]
    [InlineData(false, "cancelled")]
    [InlineData(true, "cancelled")]
    [InlineData(false, "exception")]
    [InlineData(true, "exception")]
    [InlineData(false, "disposed")]
    [InlineData(true, "disposed")]
    public async Task PredictAsync_EndsWithAnException_IsCountedAndNoLongerActive(bool pending, string how)
    {
        Exception exception = how switch
        {
            "cancelled" => new OperationCanceledException(),
            "disposed" => new ObjectDisposedException("model"),
            _ => new InvalidOperationException("boom"),
        };
        using var predictor = _host.Build(new FakePredictor(pending ? ThrowLaterAsync : (_, _) => throw exception));

        var thrown = await Assert.ThrowsAnyAsync<Exception>(async () =>
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));

        Assert.Same(exception, thrown);
        Assert.Equal(
            how == "cancelled" ? MlServeDiagnostics.CancelledErrorType : MlServeDiagnostics.ExceptionErrorType, LastErrorType());
        Assert.Single(_host.Durations.GetMeasurementSnapshot());
        Assert.Equal(0, _host.Active);

        async ValueTask<Prediction> ThrowLaterAsync(PredictionInputs inputs, CancellationToken cancellationToken)
        {
            await Task.Yield();
            throw exception;
        }
    }

    [Fact]
    public async Task PredictAsync_StageInsideAnswers_IsCountedOnce()
    {
        var log = new List<string>();
        using var predictor = new PredictorBuilder(new FakePredictor())
            .UseTelemetry(TelemetryHarness.Model)
            .UseStage((_, _) => new FakeStage("a", log)
            {
                OnBefore = static (ref StageCall call) =>
                {
                    call.Answer = Prediction.FromError(FakePredictor.Refusal);
                    return false;
                },
            })
            .Build(_host.Services);

        await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Single(_host.Durations.GetMeasurementSnapshot());
        Assert.Equal("overloaded", LastErrorType());
    }

    [Fact]
    public async Task Active_WhilePending_CountsThemAndGoesBackToZero()
    {
        var inner = new PendingPredictor();
        using var predictor = _host.Build(inner);
        var first = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();
        var second = predictor.PredictAsync(Answers.Request(2), cancellationToken: Ct).AsTask();
        Assert.Equal(2, _host.Active);

        inner.Fail(new InvalidOperationException("boom"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        Assert.Equal(1, _host.Active);

        inner.Answer();
        Answers.Read(await second);
        Assert.Equal(0, _host.Active);
    }

    [Fact]
    public async Task PredictAsync_ManyAtOnce_NoneIsLostAndNoneStaysActive()
    {
        using var predictor = _host.Build(new FakePredictor(static async (inputs, _) =>
        {
            await Task.Yield();
            return (Answers.IdOf(in inputs) % 3) switch
            {
                0 => Answers.Echo(inputs),
                1 => Prediction.FromError(FakePredictor.Refusal),
                _ => throw new OperationCanceledException(),
            };
        }));

        await Task.WhenAll(Enumerable.Range(0, 32).Select(caller => Task.Run(
            async () =>
            {
                for (var i = 0; i < 90; i++)
                {
                    try
                    {
                        (await predictor.PredictAsync(Answers.Request((caller * 90) + i), cancellationToken: Ct)).Dispose();
                    }
                    catch (OperationCanceledException)
                    {
                    }
                }
            },
            Ct)));

        var byError = _host.Durations.GetMeasurementSnapshot()
            .CountBy(static measurement => ErrorTypeOf(measurement) ?? "ok")
            .ToDictionary();
        Assert.Equal(new Dictionary<string, int> { ["ok"] = 960, ["overloaded"] = 960, ["cancelled"] = 960 }, byError);
        Assert.Equal(0, _host.Active);
    }

    [Fact]
    public async Task PredictAsync_BeganBeforeAnybodyListened_RecordsNoDuration()
    {
        using var meters = new FakeMeterFactory();
        var clock = new CountingClock();
        var inner = new PendingPredictor();
        using var predictor = new PredictorBuilder(inner).UseTelemetry("early").Build(new FakeServices(meters, clock));
        var pending = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct).AsTask();

        using var durations = new MetricCollector<double>(
            meters, MlServeDiagnostics.MeterName, MlServeDiagnostics.PredictionDurationMetric);
        inner.Answer();
        Answers.Read(await pending);
        Assert.Empty(durations.GetMeasurementSnapshot());

        pending = predictor.PredictAsync(Answers.Request(2), cancellationToken: Ct).AsTask();
        inner.Answer();
        Answers.Read(await pending);
        Assert.Equal(1, Assert.Single(durations.GetMeasurementSnapshot()).Value);
    }

    [Fact]
    public async Task PredictAsync_ListenerThrows_TheCallerGetsTheAnswer()
    {
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => throw new InvalidOperationException("listener"));
        using var predictor = _host.Build(new FakePredictor());
        listener.EnableMeasurementEvents(PredictionMetrics.For(_host.Meters).Duration.Instrument!);

        Assert.Equal(1, Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct)));

        Assert.Equal(0, _host.Active);
    }

    private static string? ErrorTypeOf(CollectedMeasurement<double> measurement) =>
        (string?)measurement.Tags.GetValueOrDefault(MlServeDiagnostics.ErrorTypeTag);

    private string? LastErrorType() => ErrorTypeOf(_host.Durations.LastMeasurement!);
}
