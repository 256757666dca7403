using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MlServe.Monitoring;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

public sealed class TelemetryLogTests : IDisposable
{
    private readonly TelemetryHarness _host = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task PredictAsync_Failed_IsLoggedWithItsException()
    {
        var cause = new InvalidOperationException("boom");
        using var predictor = _host.Build(Failing(PredictionErrorCode.RuntimeFailed, cause));

        await predictor.PredictAsync(Answers.Request(8_675_309), cancellationToken: Ct);

        var record = Assert.Single(_host.Log.GetSnapshot());
        Assert.Equal(LogLevel.Error, record.Level);
        Assert.Equal(1000, record.Id.Id);
        Assert.Equal(MlServeDiagnostics.LogCategory, record.Category);
        Assert.Same(cause, record.Exception);
        Assert.Equal("digits", record.GetStructuredStateValue("Model"));
        Assert.Equal("RuntimeFailed", record.GetStructuredStateValue("Code"));
        Assert.DoesNotContain("8675309", record.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PredictAsync_OtherStatuses_AreNotLogged()
    {
        foreach (var status in Enum.GetValues<PredictionStatus>()
            .Where(static status => status is not (PredictionStatus.Ok or PredictionStatus.Failed)))
        {
            using var predictor = _host.Build(new FakePredictor(new PredictionError(status, PredictionErrorCode.None, "no")));
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);
        }

        Assert.Equal(0, _host.Log.Count);
    }

    [Fact]
    public async Task PredictAsync_FailsOften_IsLoggedOnceInAWindowWithTheNumberHeldBack()
    {
        using var predictor = _host.Build(Failing(PredictionErrorCode.RuntimeFailed));

        for (var i = 0; i < 5; i++)
            await predictor.PredictAsync(Answers.Request(i), cancellationToken: Ct);
        _host.Time.Advance(TelemetryStage.LogWindow - TimeSpan.FromTicks(1));
        await predictor.PredictAsync(Answers.Request(5), cancellationToken: Ct);
        Assert.Equal(["0"], Suppressed());

        _host.Time.Advance(TimeSpan.FromTicks(1));
        await predictor.PredictAsync(Answers.Request(6), cancellationToken: Ct);
        _host.Time.Advance(TelemetryStage.LogWindow);
        await predictor.PredictAsync(Answers.Request(7), cancellationToken: Ct);

        Assert.Equal(["0", "5", "0"], Suppressed());
    }

    [Fact]
    public async Task PredictAsync_FailsInSeveralWays_EachCodeAndModelHasAWindowOfItsOwn()
    {
        using var one = _host.Build(Failing(PredictionErrorCode.RuntimeFailed), "one");
        using var two = _host.Build(Failing(PredictionErrorCode.UserCodeFailed), "one");
        using var three = _host.Build(Failing(PredictionErrorCode.RuntimeFailed), "two");
        using var unknown = _host.Build(Failing((PredictionErrorCode)(-5)), "two");

        foreach (var predictor in new[] { one, two, three, unknown, one, two, three, unknown })
            await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Equal(["0", "0", "0", "0"], Suppressed());
    }

    [Fact]
    public async Task PredictAsync_Throws_IsLoggedAsABreachOfTheContract()
    {
        var exception = new InvalidOperationException("boom");
        using var predictor = _host.Build(new FakePredictor((_, _) => throw exception));

        for (var i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(async () =>
                await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));
            _host.Time.Advance(TelemetryStage.LogWindow / 2);
        }

        Assert.Equal([1001, 1001], _host.Log.GetSnapshot().Select(static record => record.Id.Id));
        Assert.Equal(["0", "1"], Suppressed());
        Assert.Same(exception, _host.Log.LatestRecord.Exception);
    }

    [Fact]
    public async Task PredictAsync_CancelledOrDisposed_IsNotLogged()
    {
        foreach (var exception in new Exception[] { new OperationCanceledException(), new ObjectDisposedException("model") })
        {
            using var predictor = _host.Build(new FakePredictor((_, _) => throw exception));
            await Assert.ThrowsAnyAsync<Exception>(async () => await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct));
        }

        Assert.Equal(0, _host.Log.Count);
    }

    [Fact]
    public async Task PredictAsync_MessageThatDoesNotFitItsArguments_TheCallerGetsTheAnswer()
    {
        using var predictor = _host.Build(new FakePredictor(new PredictionError(
            PredictionStatus.Failed, PredictionErrorCode.None, "{0} {1}", 1)));

        using var prediction = await predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Equal(PredictionStatus.Failed, prediction.Status);
    }

    [Fact]
    public void ModelMessages_Fields_AreStructured()
    {
        var logger = new FakeLogger(_host.Log);

        LogMessages.ModelLoaded(logger, "digits", "3", "abc", "CPUExecutionProvider", 12.34, new FakePredictor().Signature, "Batched.");
        LogMessages.ProviderPassedOver(logger, "digits", "no GPU");
        LogMessages.ModelClosed(logger, "digits", "3", "abc");

        Assert.Equal([2000, 2001, 2002], _host.Log.GetSnapshot().Select(static record => record.Id.Id));
        Assert.Contains(
            "x: int64[] -> (id: int64[])",
            _host.Log.GetSnapshot()[0].Message.Replace("(x: int64[])", "x: int64[]", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static FakePredictor Failing(PredictionErrorCode code, Exception? cause = null) =>
        new(new PredictionError(PredictionStatus.Failed, code, "It failed.") { Exception = cause });

    private IEnumerable<string?> Suppressed() =>
        _host.Log.GetSnapshot().Select(static record => record.GetStructuredStateValue("Suppressed"));
}
