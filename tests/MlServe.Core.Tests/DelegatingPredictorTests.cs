using MlServe.Tests.Fakes;

namespace MlServe.Tests;

public sealed class DelegatingPredictorTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Members_NotOverridden_PassOn()
    {
        var inner = new FakePredictor { Service = "a service" };
        var options = new PredictionOptions();
        using var predictor = new Plain(inner);

        var id = Answers.Read(await predictor.PredictAsync(Answers.Request(5), options, Ct));

        Assert.Equal(5, id);
        Assert.Same(options, inner.LastOptions);
        Assert.Equal(Ct, inner.LastToken);
        Assert.Same(inner.Signature, predictor.Signature);
        Assert.Equal("a service", predictor.GetService<string>());
    }

    [Fact]
    public void GetService_OwnType_IsTheDecoratorUnlessAKeyIsGiven()
    {
        using var predictor = new Plain(new FakePredictor());

        Assert.Same(predictor, predictor.GetService<Plain>());
        Assert.Null(predictor.GetService<Plain>("key"));
        Assert.Throws<ArgumentNullException>(() => predictor.GetService(null!));
    }

    [Fact]
    public void Constructor_Null_Throws() => Assert.Throws<ArgumentNullException>(() => new Plain(null!));

    [Fact]
    public void Dispose_Inner_IsLeftAlone()
    {
        var inner = new FakePredictor();
        var predictor = new Plain(inner);

        predictor.Dispose();

        Assert.Equal(0, inner.Disposals);
        Assert.Equal([true], predictor.Disposals);
    }

    [Fact]
    public async Task DisposeAsync_NothingOverridden_ReleasesAsDisposeDoes()
    {
        var inner = new FakePredictor();
        var predictor = new Plain(inner);

        await predictor.DisposeAsync();

        Assert.Equal(0, inner.Disposals);
        Assert.Equal([true, false], predictor.Disposals);
    }

    private sealed class Plain(IPredictor inner) : DelegatingPredictor(inner)
    {
        public List<bool> Disposals { get; } = [];

        protected override void Dispose(bool disposing)
        {
            Disposals.Add(disposing);
            base.Dispose(disposing);
        }
    }
}
