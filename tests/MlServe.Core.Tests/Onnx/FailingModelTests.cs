using Microsoft.Extensions.Logging;
using MlServe.Fakes;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Models that load and answer nothing: it is said at load, and the caller is not blamed for it.</summary>
public sealed class FailingModelTests
{
    [Fact]
    public void Load_FusionBreaksTheModel_IsServedWithLessOptimizationAndSaid()
    {
        using var log = new LogList();
        using var model = BrokenByFusion(1, 1).Load(context: new() { LoggerFactory = log });
        var description = model.GetService<OnnxModelDescription>()!;
        Assert.Equal(GraphOptimization.Basic, description.Optimization);
        Ask.Says(description.WarmUpFailure!, "SimplifiedLayerNormalization", "Optimization = All", "Optimization = Basic");
        var entry = Assert.Single(log.Entries, static entry => entry.Id.Id == 2022);
        Assert.Equal(LogLevel.Warning, entry.Level);
        Ask.Says(entry.Text, "'default'", description.WarmUpFailure!);
        using var answer = Ask.The(model, PredictionInputs.Rows(PredictionInput.Tensor("x", [3f], [1, 1])));
        Assert.Equal([0, 0], answer.EnsureOk()[0].ToArray<float>());

        // What is stated is meant.
        using var meant = BrokenByFusion(1, 1).Load(new() { Optimization = GraphOptimization.Basic });
        Assert.Null(meant.GetService<OnnxModelDescription>()!.WarmUpFailure);
        Assert.Equal(GraphOptimization.Basic, meant.GetService<OnnxModelDescription>()!.Optimization);
    }

    [Fact]
    public void Load_FusionBreaksTheModelAndSamplesAreGiven_IsServedToo()
    {
        var options = new OnnxModelOptions();
        options.SampleInputs.Add(PredictionInputs.Rows(PredictionInput.Tensor("x", [3f], [1, 1])));
        using var model = BrokenByFusion(1, 1).Load(options);
        Assert.Equal(GraphOptimization.Basic, model.GetService<OnnxModelDescription>()!.Optimization);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Predict_ModelAnswersNothing_IsTheModelsFault(bool isFree)
    {
        // A row of four and a constant of three: no request fits, and the shape of the row is hidden from the runtime's own check.
        using var log = new LogList();
        using var model = Unfit(isFree ? "N" : 1).Load(context: new() { LoggerFactory = log });
        var failure = model.GetService<OnnxModelDescription>()!.WarmUpFailure;
        Ask.Says(failure!, "answered none of the", "SampleInputs", "Optimization");
        Ask.Says(Assert.Single(log.Entries, static entry => entry.Id.Id == 2022).Text, failure!);
        var error = Ask.TheError(
            model, PredictionInputs.Rows(PredictionInput.Tensor("x", new float[4], [1, 4])), PredictionErrorCode.RuntimeFailed,
            PredictionStatus.Failed);
        Ask.Says(error.Message, "failed", "the request is not to blame", "Optimization");
    }

    [Fact]
    public void Predict_MadeUpRowsWereNotValid_IsTheRequestsFaultOnceOneWasAnswered()
    {
        // Texts that are numbers: none that is made up is.
        using var log = new LogList();
        using var model = new TinyOnnx().Input("x", ElementType.String, "N", 1).Node("Cast", "x", "y", TinyOnnx.Int("to", 1))
            .Output("y", ElementType.Float, "N", 1)
            .Load(context: new() { LoggerFactory = log });
        Assert.Single(log.Entries, static entry => entry.Id.Id == 2022);
        Assert.NotNull(model.GetService<OnnxModelDescription>()!.WarmUpFailure);
        Ask.TheError(model, PredictionInputs.Row(new[] { "abc" }), PredictionErrorCode.RejectedByRuntime);
        using (var answer = Ask.The(model, PredictionInputs.Row(new[] { "1.5" })))
            Assert.Equal([1.5f], answer.EnsureOk()[0].ToArray<float>());
        Ask.TheError(model, PredictionInputs.Row(new[] { "abc" }), PredictionErrorCode.RejectedByRuntime);

        // It works after all.
        Assert.Null(model.GetService<OnnxModelDescription>()!.WarmUpFailure);
    }

    [Fact]
    public void Load_ModelAnswers_HasNoFailure()
    {
        using var log = new LogList();
        using var model = TinyModels.Affine().Load(context: new() { LoggerFactory = log });
        var description = model.GetService<OnnxModelDescription>()!;
        Assert.Equal((null, GraphOptimization.All), (description.WarmUpFailure, description.Optimization));
        Assert.DoesNotContain(log.Entries, static entry => entry.Level >= LogLevel.Warning);
    }

    /// <summary>A normalization written out, whose scale is wider than the row: legal, and the runtime's fusion of it is not.</summary>
    internal static TinyOnnx BrokenByFusion(params object?[] shape) =>
        new TinyOnnx(opset: 13).Input("x", ElementType.Float, shape).Weight("eps", [1e-5f]).Weight("two", [2f]).Weight("sc", [0f, 0f], 2)
            .Node("ReduceMean", "x", "mn", TinyOnnx.Ints("axes", -1), TinyOnnx.Int("keepdims", 1)).Node("Sub", "x mn", "ct")
            .Node("Pow", "ct two", "sq")
            .Node("ReduceMean", "sq", "vr", TinyOnnx.Ints("axes", -1), TinyOnnx.Int("keepdims", 1)).Node("Add", "vr eps", "ve")
            .Node("Sqrt", "ve", "sd").Node("Div", "ct sd", "nm").Node("Mul", "sc nm", "out")
            .Output("out", ElementType.Float, 1, 2);

    /// <summary>The sizes of what is added follow from numbers that no check at load looks at.</summary>
    private static TinyOnnx Unfit(object rows) =>
        new TinyOnnx().Input("x", ElementType.Float, rows, 4).Weight("zero", [0f]).Weight("w", [1f, 2, 3], 3)
            .Node("Mul", "x zero", "z").Node("Abs", "z", "a").Node("Equal", "a zero", "c")
            .Node("Compress", "x c", "k", TinyOnnx.Int("axis", 1)).Node("Add", "k w", "y").OutputOfAnyShape("y", ElementType.Float);
}
