using MlServe.Tests.Fakes;

namespace MlServe.Tests.Monitoring;

public sealed class PredictorBuilderTelemetryExtensionsTests
{
    [Fact]
    public void UseTelemetry_BadArguments_Throws()
    {
        var builder = new PredictorBuilder(new FakePredictor());

        Assert.Throws<ArgumentException>(() => builder.UseTelemetry(" "));
        Assert.Throws<ArgumentNullException>(() => builder.UseTelemetry(null!));
        Assert.Throws<ArgumentNullException>(() => default(PredictorBuilder)!.UseTelemetry("digits"));
    }

    [Fact]
    public void UseTelemetry_Builder_IsReturnedForTheNextCall()
    {
        var builder = new PredictorBuilder(new FakePredictor());

        Assert.Same(builder, builder.UseTelemetry("digits"));
    }

    [Fact]
    public async Task Dispose_Pipeline_CanBeBuiltAgain()
    {
        var builder = new PredictorBuilder(new FakePredictor()).UseTelemetry("rebuilt");
        builder.Build().Dispose();

        using var predictor = builder.Build();

        Assert.Equal(
            1, Answers.Read(await predictor.PredictAsync(Answers.Request(1), cancellationToken: TestContext.Current.CancellationToken)));
    }
}
