using MlServe.Tests.Fakes;

namespace MlServe.Tests.Guests;

/// <summary>A layer that throws when it is closed keeps nobody beneath it open, the model least of all.</summary>
public sealed class PipelineDisposalTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dispose_LayersThrow_AllAreDisposedAndTheFirstIsHeard(bool isAsync)
    {
        var model = new FakePredictor();
        var middle = new FakePredictor();
        var predictor = new PredictorBuilder(_ => model)
            .Use((_, _) => new FakePredictor { OnDispose = static () => throw new InvalidOperationException("outer") })
            .Use((_, _) => middle)
            .Use((_, _) => new FakePredictor { OnDispose = static () => throw new InvalidOperationException("inner") })
            .Build();

        var thrown = isAsync
            ? await Assert.ThrowsAsync<InvalidOperationException>(async () => await predictor.DisposeAsync())
            : Assert.Throws<InvalidOperationException>(predictor.Dispose);

        Assert.Equal(("outer", 1, 1), (thrown.Message, middle.Disposals, model.Disposals));
        await predictor.DisposeAsync();
    }

    [Fact]
    public void Build_FailsAndALayerThrowsAtThat_TheModelIsDisposedAndTheFailureIsTheBuilders()
    {
        var model = new FakePredictor();
        var builder = new PredictorBuilder(_ => model)
            .Use(IPredictor (_, _) => throw new NotSupportedException("the failure"))
            .Use((_, _) => new FakePredictor { OnDispose = static () => throw new InvalidOperationException("layer") });

        Assert.Equal("the failure", Assert.Throws<NotSupportedException>(() => builder.Build()).Message);

        Assert.Equal(1, model.Disposals);
    }
}
