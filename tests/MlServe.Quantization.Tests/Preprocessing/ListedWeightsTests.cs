using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Weights that a model lists among its inputs, so that a caller may give others.</summary>
public sealed class ListedWeightsTests : IDisposable
{
    private static readonly PreprocessingOptions NoRuntime = new() { FoldConstants = false, RewriteHardSwish = false, FoldAffine = false };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void KeepWeightInputs_Default_IsFalse() => Assert.False(new PreprocessingOptions().KeepWeightInputs);

    [Theory]
    [InlineData(3, false, "no caller could give them")]
    [InlineData(3, true, "no caller could give them")]
    [InlineData(4, false, "callers cannot give others any more")]
    public void Run_WeightAmongTheInputs_BecomesAConstant(long irVersion, bool keep, string reason)
    {
        var model = Sum(irVersion);

        var result = Preprocessor.Run(model, NoRuntime with { KeepWeightInputs = keep });

        Assert.Equal("x", Assert.Single(result.Model.Graph.Input).Name);
        Assert.Equal(4, result.Model.IrVersion);
        Assert.Equal($"Took 1 weights from the list of inputs ('w'), {Between(result.Steps[0], "), ", ".")}.", Assert.Single(result.Steps));
        Assert.Contains(reason, result.Steps[0], StringComparison.Ordinal);
        Assert.Equal(2, model.Graph.Input.Count);
        Assert.Equal(["w"], ListedWeights.ToRemove(model, new() { KeepWeightInputs = keep }));
    }

    [Fact]
    public void Run_KeepWeightInputs_LeavesThemAndSaysSo()
    {
        var model = Sum(4);

        var result = Preprocessor.Run(model, new() { KeepWeightInputs = true });

        Assert.Equal(model, result.Model);
        Assert.Contains(
            "Left 1 weights that are inputs as well as they are ('w'), as asked", Assert.Single(result.Steps), StringComparison.Ordinal);
        Assert.Empty(ListedWeights.ToRemove(model, new() { KeepWeightInputs = true }));
    }

    [Fact]
    public void Run_ManyWeights_AreNotAllNamedInTheSentence()
    {
        var graph = new TestGraph(13, irVersion: 4).Input("x", 2).Output("v9");
        for (var i = 0; i < 10; i++)
            graph.Input($"w{i}", 2)
                .Weight(TensorData.Make($"w{i}", [1f, 2f], 2))
                .Node("Add", $"{(i == 0 ? "x" : $"v{i - 1}")} w{i}", $"v{i}");

        Assert.Contains(
            "('w0', 'w1', 'w2', 'w3', 'w4' and 5 more)", Preprocessor.Run(graph.Model, NoRuntime).Steps[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("models/image/super_resolution.onnx")]
    [InlineData("models/detector/ultraface_rfb320.onnx")]
    [InlineData("models/tabular/many_inputs_201.onnx")]
    public void Run_RealModel_AnswersBitForBitAsBefore(string path)
    {
        var bytes = File.ReadAllBytes(SharedData.PathOf(path));
        var model = ModelProto.Parser.ParseFrom(bytes);
        var result = new List<string>();
        var taken = model.Clone();

        ListedWeights.Run(taken, new(), result);

        // What the runtime does with constants beyond this, other layouts of weights say, may change last bits.
        using var before = GraphSession.Open(bytes, GraphOptimizationLevel.ORT_DISABLE_ALL);
        using var after = GraphSession.Open(OnnxFile.ToBytes(taken), GraphOptimizationLevel.ORT_DISABLE_ALL);
        Assert.Empty(after.Session.OverridableInitializerMetadata);
        Assert.Equal(before.InputNames, after.InputNames);
        var inputs = ModelRuns.RandomInputs(before, 5);
        Assert.Equal(ModelRuns.Run(before, inputs), ModelRuns.Run(after, inputs));
    }

    [Theory]
    [InlineData("models/image/super_resolution.onnx")]
    [InlineData("models/detector/ultraface_rfb320.onnx")]
    public async Task QuantizeWeightsAsync_RealModel_HasItsWeightsInEightBits(string path)
    {
        var report = await OnnxQuantizer.QuantizeWeightsAsync(
            SharedData.PathOf(path), _folder["q.onnx"], new(), TestContext.Current.CancellationToken);

        Assert.InRange(report.Bytes / (double)report.SourceBytes, 0.2, 0.5);
        Assert.Contains(report.Decisions, static decision => decision is { IsQuantized: true, OpType: "Conv" });
        Assert.Equal(OnnxModelInputs(path), report.Plan.RemovedInputs);
        await using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromFile(_folder["q.onnx"]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Single(predictor.Signature.Inputs);
    }

    [Fact]
    public async Task QuantizeAsync_WeightAmongTheInputs_IsWrittenWithIntegersAndWithoutIt()
    {
        _folder.Write("m.onnx", Product());

        var report = await QuantizeAsync(new());

        Assert.Equal(QuantizationMethod.Static, report.Method);
        Assert.Equal(["w"], report.Plan.RemovedInputs);
        Assert.Contains("Took 1 weights from the list of inputs ('w')", report.Preprocessing[0], StringComparison.Ordinal);
        Assert.Equal(report.Plan.ToJson(), QuantizationPlan.FromJson(report.Plan.ToJson()).ToJson());
        Assert.Equal(["w"], QuantizationPlan.FromJson(report.Plan.ToJson()).RemovedInputs);

        // In the source it is an input that a caller may leave out or give, in what was written there is none.
        await using var source = await OnnxPredictor.LoadAsync(
            ModelSource.FromFile(_folder["m.onnx"]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([("x", false), ("w", true)], source.Signature.Inputs.Select(static input => (input.Name, input.IsOptional)));
        await using var written = await OnnxPredictor.LoadAsync(
            ModelSource.FromFile(_folder["q.onnx"]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("x", Assert.Single(written.Signature.Inputs).Name);
        using var refused = await written.PredictAsync(
            PredictionInputs.Row(
                PredictionInput.Tensor("x", new float[256]), PredictionInput.Tensor("w", new float[256 * 256], [256, 256])),
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(PredictionStatus.Invalid, refused.Status);
    }

    [Fact]
    public async Task QuantizeAsync_ByPlan_GivesTheSameBytes()
    {
        _folder.Write("m.onnx", Product());
        var first = await QuantizeAsync(new());
        var bytes = await File.ReadAllBytesAsync(_folder["q.onnx"], TestContext.Current.CancellationToken);

        await OnnxQuantizer.QuantizeAsync(
            _folder["m.onnx"], _folder["q.onnx"], new() { Plan = QuantizationPlan.FromJson(first.Plan.ToJson()) },
            TestContext.Current.CancellationToken);

        Assert.Equal(bytes, await File.ReadAllBytesAsync(_folder["q.onnx"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task QuantizeAsync_KeepWeightInputs_LeavesTheNodeWithTheReason()
    {
        _folder.Write("m.onnx", Product(second: true));

        var report = await QuantizeAsync(new() { KeepWeightInputs = true });

        Assert.Empty(report.Plan.RemovedInputs);
        Assert.Equal([false, true], report.Nodes.Where(static node => node.OpType == "MatMul").Select(static node => node.IsQuantized));
        Assert.Contains(
            "input of the model as well", report.Nodes.First(static node => node.OpType == "MatMul").Reason, StringComparison.Ordinal);
        await using var written = await OnnxPredictor.LoadAsync(
            ModelSource.FromFile(_folder["q.onnx"]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([("x", false), ("w", true)], written.Signature.Inputs.Select(static input => (input.Name, input.IsOptional)));
    }

    [Fact]
    public async Task QuantizeAsync_SampleGivesSuchAnInput_IsRefusedUnlessItIsKept()
    {
        _folder.Write("m.onnx", Product(second: true));
        var weights = SmallModels.Random(256 * 256, 3);
        PredictionInputs[] samples = [.. Enumerable.Range(0, 8).Select(seed => PredictionInputs.Row(
            PredictionInput.Tensor("x", SmallModels.Random(256, seed, 1)), PredictionInput.Tensor("w", weights, [256, 256])))];

        var exception = await Assert.ThrowsAsync<QuantizationException>(() => QuantizeAsync(new(), samples));
        var kept = await QuantizeAsync(new() { KeepWeightInputs = true }, samples);

        Assert.Equal(QuantizationFailure.InvalidSample, exception.Failure);
        Assert.Contains("Calibration sample 0 gives 'w'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("KeepWeightInputs", exception.Message, StringComparison.Ordinal);
        Assert.Equal(QuantizationMethod.Static, kept.Method);
    }

    [Fact]
    public async Task PreprocessAsync_WeightAmongTheInputs_IsReported()
    {
        _folder.Write("m.onnx", Product());
        var report = await OnnxQuantizer.PreprocessAsync(
            _folder["m.onnx"], _folder["q.onnx"], cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(["w"], report.RemovedInputs);
    }

    private static string Between(string text, string start, string end)
    {
        var from = text.IndexOf(start, StringComparison.Ordinal) + start.Length;
        return text[from..text.LastIndexOf(end, StringComparison.Ordinal)];
    }

    private static IEnumerable<string> OnnxModelInputs(string path)
    {
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(SharedData.PathOf(path))).Graph;
        var weights = graph.Initializer.Select(static tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        return graph.Input.Select(static input => input.Name).Where(weights.Contains);
    }

    private static ModelProto Sum(long irVersion) =>
        new TestGraph(
            13, irVersion).Input("x", 2).Input("w", 2).Weight(TensorData.Make("w", [1f, 2f], 2)).Node("Add", "x w", "y").Output("y").Model;

    private static byte[] Product(bool second = false)
    {
        var graph = new TestGraph(13).Input("x", -1, 256).Input("w", 256, 256)
            .Weight(TensorData.Make("w", SmallModels.Random(256 * 256), 256, 256))
            .Node("MatMul", "x w", second ? "a" : "y").Output("y");
        if (second) graph.Weight(TensorData.Make("u", SmallModels.Random(256 * 256, 8), 256, 256)).Node("MatMul", "a u", "y");
        return OnnxFile.ToBytes(graph.Model);
    }

    private Task<QuantizationReport> QuantizeAsync(PreprocessingOptions preprocessing, IEnumerable<PredictionInputs>? samples = null) =>
        OnnxQuantizer.QuantizeAsync(
            _folder["m.onnx"], _folder["q.onnx"],
            new QuantizationOptions { Preprocessing = preprocessing, Gate = new() { MinSpeedup = 0, MinSpeed = 0, MinAgreement = null } }
                .CalibrateWith(samples
                    ?? [.. Enumerable.Range(0, 8).Select(static seed => PredictionInputs.Row(SmallModels.Random(256, seed, 1)))]),
            TestContext.Current.CancellationToken);
}
