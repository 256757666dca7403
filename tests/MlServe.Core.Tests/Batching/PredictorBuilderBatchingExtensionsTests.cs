using MlServe.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Batching;

public sealed class PredictorBuilderBatchingExtensionsTests
{
    [Fact]
    public void UseBatching_OverAnotherLayer_IsRefusedAndSaysWhatToMove()
    {
        var builder = new PredictorBuilder(new FakeModel()).UseBatching().Use(static inner => new Layer(inner));

        var exception = Assert.Throws<InvalidOperationException>(() => builder.Build());

        Assert.Contains("last Use", exception.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(Layer), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void UseBatching_OverAPredictorThatIsNoModel_IsRefused()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => new PredictorBuilder(new FakePredictor()).UseBatching().Build());

        Assert.Contains(nameof(FakePredictor), exception.Message, StringComparison.Ordinal);
        Assert.Contains("no OnnxPredictor", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void UseBatching_OptionsAreNotValid_NamesTheModelAndAllFaults()
    {
        var builder = new PredictorBuilder(new FakeModel()).UseBatching(static options =>
        {
            options.MaxBatchSize = 0;
            options.Lanes = -2;
        });

        var exception = Assert.Throws<ArgumentException>(() => builder.Build());

        Assert.Contains("'fake'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("MaxBatchSize is 0", exception.Message, StringComparison.Ordinal);
        Assert.Contains("Lanes is -2", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("another")]
    public void UseBatching_RowsDependOnTheirCompany_IsRefusedUnlessAcceptedByName(string? accepted)
    {
        var builder = new PredictorBuilder(new FakeModel(rowsAreIndependent: false)).UseBatching(options =>
            options.AcceptDependentRowsOf = accepted);

        var exception = Assert.Throws<ModelLoadException>(() => builder.Build());

        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Assert.Contains("AcceptDependentRowsOf = \"fake\"", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseBatching_DependentRowsAcceptedByName_Batches()
    {
        await using var predictor = new PredictorBuilder(new FakeModel(rowsAreIndependent: false))
            .UseBatching(static options => options.AcceptDependentRowsOf = "fake").Build();

        Assert.Equal(5, Answers.Read(await predictor.PredictAsync(Answers.Request(5))));
    }

    [Fact]
    public async Task UseBatching_BuiltTwice_MakesTwoBatchers()
    {
        var builder = new PredictorBuilder(new FakeModel()).UseBatching();
        await using var first = builder.Build();
        await using var second = builder.Build();

        Assert.NotSame(first.GetService<BatchStatistics>(), second.GetService<BatchStatistics>());
    }

    [Fact]
    public async Task Build_ModelWasHandedIn_IsNotDisposedWithTheBatcher()
    {
        var model = new FakeModel();
        var predictor = new PredictorBuilder(model).UseBatching().Build();

        await predictor.DisposeAsync();

        Assert.Equal(0, model.Disposals);
    }

    [Fact]
    public async Task Lanes_NotStated_AreThoseOfTheGate()
    {
        await using var predictor = new PredictorBuilder(new FakeModel()).UseBatching().Build(new FakeServices(new RunGate(3)));

        Assert.Equal(3, predictor.GetService<BatchingPredictor>()!.Lanes);
    }

    private sealed class Layer(IPredictor inner) : DelegatingPredictor(inner);
}
