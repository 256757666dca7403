using Microsoft.Extensions.Logging;
using MlServe.Caching;
using MlServe.Fakes;
using MlServe.Onnx.Probing;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Onnx;

/// <summary>
/// Models that answer one row differently from time to time: their requests are not run together, and their answers neither kept nor
/// shared.
/// </summary>
public sealed class RepeatabilityTests
{
    private static readonly Dictionary<string, Func<TinyOnnx>> Models = new()
    {
        ["BatchNormalization"] = RowMeasurementTests.Training,
        ["Dropout"] = () => Rows()
            .Weight("ratio", [0.5f])
            .Tensor("yes", 9, [1])
            .Node("Dropout", "x ratio yes", "y")
            .Output("y", ElementType.Float, "N", 64),
        ["RandomUniformLike"] = () => Rows()
            .Node("RandomUniformLike", "x", "r")
            .Node("Add", "x r", "y")
            .Output("y", ElementType.Float, "N", 64),
        ["RandomNormal"] = () => Rows()
            .Node("RandomNormal", "", "r", TinyOnnx.Ints("shape", 1, 64))
            .Node("Add", "x r", "y")
            .Output("y", ElementType.Float, "N", 64),
        ["Bernoulli"] = () => Rows().Node("Sigmoid", "x", "p").Node("Bernoulli", "p", "y").Output("y", ElementType.Float, "N", 64),
        ["Multinomial"] = () => Rows().Node("Multinomial", "x", "y", TinyOnnx.Int("sample_size", 8)).Output("y", ElementType.Int32, "N", 8),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Load_AnswersVary_IsSaidAndNothingIsBatchedKeptOrShared(string name)
    {
        using var log = new LogList();
        using var model = Models[name]().Load(context: new() { LoggerFactory = log });
        Assert.False(model.Signature.AnswersAreRepeatable);
        Assert.False(model.Signature.IsBatchable);
        Ask.Says(model.Signature.BatchingNote, "not deterministic, or keeps state", name);
        var entry = Assert.Single(log.Entries, static entry => entry.Id.Id == 2021);
        Assert.Equal(LogLevel.Warning, entry.Level);
        Ask.Says(entry.Text, "'default'", name, "neither kept nor shared");

        await using var pipeline = new PredictorBuilder(model).UseCache().UseBatching().Build(new FakeServices(new RunGate(2), log));
        var row = PredictionInputs.Row(PredictionInput.Tensor(
            "x", Enumerable.Range(0, WidthOf(model)).Select(static i => 0.25f + i).ToArray()));
        var answers = await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(_ => pipeline.PredictAsync(row, cancellationToken: TestContext.Current.CancellationToken).AsTask()));
        Assert.All(answers, static answer => Assert.Equal(PredictionSource.Model, answer.EnsureOk().Origin.Source));
        Assert.All(answers, static answer => Assert.Equal(1, answer.Origin.BatchRows));
        Assert.False(pipeline.GetService<CacheStatistics>()!.IsOn);
        Assert.False(pipeline.GetService<IStaleAnswers>()!.TryGetStaleAnswer(row, null, out _));
        Assert.Single(log.Entries, static entry => entry.Id.Id == 5004);
        Ask.Says(Assert.Single(log.Entries, static entry => entry.Id.Id == 3000).Text, "one row at a time", "not deterministic");
        Array.ForEach(answers, static answer => answer.Dispose());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_AnswersVaryAndAxisIsStated_HoldsTheAxisAndRefusesBatching(string name)
    {
        using var model = Models[name]().Load(new() { BatchAxis = 0 });
        Assert.True(
            model.Signature is { IsBatchable: true, RowsAreIndependent: false, AnswersAreRepeatable: false }, model.Signature.BatchingNote);
        var exception = Assert.Throws<ModelLoadException>(() => new PredictorBuilder(model).UseBatching().Build());
        Ask.Says(exception.Message, "AcceptDependentRowsOf", name);
    }

    [Fact]
    public async Task UseCache_VaryingAnswersAreAccepted_Keeps()
    {
        using var model = Models["Dropout"]().Load();
        await using var cached = new PredictorBuilder(model).UseCache(static options => options.AcceptVaryingAnswersOf = "default")
            .Build(new FakeServices(TimeProvider.System));
        var row = PredictionInputs.Row(new float[64]);
        Ask.The(cached, row).Dispose();
        using var answer = Ask.The(cached, row);
        Assert.Equal(PredictionSource.Cache, answer.EnsureOk().Origin.Source);
    }

    [Theory]
    [InlineData("no mode")]
    [InlineData("mode is off")]
    [InlineData("nothing is dropped")]
    [InlineData("nobody reads it")]
    public void Load_OperatorDoesNothingAtRandomHere_IsNoReason(string kind)
    {
        var model = Rows()
            .Weight("ratio", [kind == "nothing is dropped" ? 0f : 0.5f])
            .Tensor("no", 9, [(byte)(kind is "nothing is dropped" or "nobody reads it" ? 1 : 0)]);
        model = kind switch
        {
            "no mode" => model.Node("Dropout", "x ratio", "y"),
            "nobody reads it" => model.Node("Dropout", "x ratio no", "z").Node("RandomUniformLike", "x", "r").Node("Neg", "x", "y"),
            _ => model.Node("Dropout", "x ratio no", "y"),
        };
        using var predictor = model.Output("y", ElementType.Float, "N", 64).Load();
        Assert.True(predictor.Signature.AnswersAreRepeatable, predictor.Signature.BatchingNote);
    }

    [Fact]
    public void Load_OneShapeAndAnswersVary_IsFoundByRunningOneRowAgain()
    {
        // Hidden from the graph: how it is told of models of which the graph tells nothing.
        using var model = new TinyOnnx().Input("x", ElementType.Float, 2, 4).Weight("s", [1f, 1, 1, 1], 4).Weight("b", [0f, 0, 0, 0], 4)
            .Weight("m", [0f, 0, 0, 0], 4).Weight("v", [1f, 1, 1, 1], 4)
            .Node("BatchNormalization", "x s b m v", "y rm rv", TinyOnnx.Int("training_mode", 1)).Output("y", ElementType.Float, 2, 4)
            .Load();
        Assert.False(model.Signature.AnswersAreRepeatable);

        var executor = (OnnxExecutor)model.GetService<IModelExecutor>()!;
        var token = TestContext.Current.CancellationToken;
        var runs = new TrialRuns(new(1), TimeProvider.System, isCheck: false, token);
        var found = new RowSearch(executor, new(), runs, GraphFacts.None).Find();
        Assert.Equal("y", new WarmUp(executor, new(), runs).Run(found.Row, 0));
    }

    private static int WidthOf(OnnxPredictor model) => (int)model.Signature.Inputs[0].Shape[1].Size!;

    private static TinyOnnx Rows() => new TinyOnnx().Input("x", ElementType.Float, "N", 64);
}
