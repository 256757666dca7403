using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Verification;

/// <summary>Models of which a file was written that cannot run, or answers otherwise.</summary>
public class WrittenModelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("3-model")]
    [InlineData("4-mlp")]
    [InlineData("4-pool")]
    [InlineData("7-model")]
    public async Task EveryPath_ModelThatShowedAFault_AnswersAsItDid(string name)
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.PathOf($"regressions/{name}.onnx");
        var bytes = await File.ReadAllBytesAsync(source, Token);
        await OnnxQuantizer.PreprocessAsync(source, folder["p.onnx"], options: null, Token);
        AssertAnswers(bytes, folder["p.onnx"], 100);
        foreach (var method in (QuantizationMethod[])[QuantizationMethod.Int8Storage, QuantizationMethod.Fp16Storage,
            QuantizationMethod.NBits8])
            await TryAsync(
                () =>
                    OnnxQuantizer.QuantizeWeightsAsync(source, folder["w.onnx"], new() { Method = method, MinMultiplications = 0 }, Token),
                bytes, folder["w.onnx"]);
        await TryAsync(
            () => OnnxQuantizer.QuantizeDynamicAsync(source, folder["d.onnx"], new() { MinMultiplications = 0 }, Token), bytes,
            folder["d.onnx"]);
    }

    [Fact]
    public void Preprocess_NodesOutOfOrder_AreQuantizedAsInOrder()
    {
        var model = new TestGraph().Input("x", 1, 64).Output("y")
            .Weight(TensorData.Make(
                "w", SmallModels.Random(64 * 64), 64, 64)).Weight(TensorData.Make("v", SmallModels.Random(64 * 64, 8), 64, 64))
            .Node("MatMul", "r v", "y").Node("Relu", "m", "r").Node("MatMul", "x w", "m").Model;
        var result = Preprocessor.Run(model, new());
        Assert.Equal(["MatMul", "Relu", "MatMul"], result.Model.Graph.Node.Select(static node => node.OpType));
        Assert.Equal("m", result.Model.Graph.Node[0].Output[0]);
        Assert.Contains(result.Steps, static step => step.StartsWith("Put 2 nodes", StringComparison.Ordinal));
    }

    [Fact]
    public void Preprocess_Circle_IsRefused()
    {
        var model = new TestGraph().Input(
            "x", 1, 4).Output("y").Node("Add", "x b", "a").Node("Add", "a x", "b").Node("Add", "a x", "y").Model;
        var exception = Assert.Throws<QuantizationException>(() => Preprocessor.Run(model, new()));
        Assert.Equal(QuantizationFailure.Unreadable, exception.Failure);
        Assert.Contains("circles", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preprocess_OutputsThatAreNoNumbers_AreNotWritten()
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.PathOf("regressions/12-nan.onnx");
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.PreprocessAsync(source, folder["p.onnx"], options: null, Token));
        Assert.Equal(QuantizationFailure.NotComparable, exception.Failure);
        Assert.Empty(folder.Files);
    }

    [Theory]
    [InlineData("12-nan")]
    [InlineData("12-dead")]
    public async Task QuantizeWeights_OutputsWithNothingToCompare_AreNotWritten(string name)
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.PathOf($"regressions/{name}.onnx");
        var exception = await Assert.ThrowsAsync<QuantizationException>(() =>
            OnnxQuantizer.QuantizeWeightsAsync(source, folder["w.onnx"], new(), Token));
        Assert.Equal(QuantizationFailure.NotComparable, exception.Failure);
        Assert.Empty(folder.Files);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Int8Storage_GatherOfColumns_ScalesEachColumn(int axis)
    {
        var table = SmallModels.Random(64 * 100);
        for (var i = 0; i < table.Length; i++)
            table[i] *= i % 100 < 3 ? 1e-4f : 1;
        var model = new OnnxModel().Input("x", OnnxModel.Int64, "n").Output("y", OnnxModel.Float, 64, "n")
            .Initializer("t", table, 64, 100).Node("Gather", ["t", "x"], ["y"], ("axis", axis)).ToBytes();
        var made = OnnxFile.ToBytes(WeightRewriter.Rewrite(Trial.Read(model), ModelRun.Plan(QuantizationMethod.Int8Storage)).Model);
        // The columns that are asked for are among the small ones.
        Assert.True(ModelRun.Snr(model, made) > 35, $"{ModelRun.Snr(model, made)} dB");
    }

    [Fact]
    public void Check_ModelThatAnswersOtherwise_DoesNotHold()
    {
        var source = Trial.Read(SmallModels.MatMul());
        using var check = ResultCheck.Of(source, [], Token);
        Assert.Equal(CheckOutcome.Held, check.Run(OnnxFile.ToBytes(source), Expectation.Exact, Token).Outcome);
        var other = source.Clone();
        var values = TensorData.Floats(other.Graph.Initializer[0]);
        values[5] += 1;
        other.Graph.Initializer[0] = TensorData.Make("w", values, 64, 32);
        var result = check.Run(OnnxFile.ToBytes(other), Expectation.Exact, Token);
        Assert.Equal(CheckOutcome.NotHeld, result.Outcome);
        Assert.Contains("'y' is", result.Text, StringComparison.Ordinal);
        Assert.Equal(CheckOutcome.Held, check.Run(OnnxFile.ToBytes(other), Expectation.Form, Token).Outcome);
    }

    [Fact]
    public void Check_ModelThatRunsForOneShapeOnly_DoesNotHold()
    {
        var source = Trial.Read(SmallModels.MatMul());
        using var check = ResultCheck.Of(source, [], Token);
        var other = source.Clone();
        other.Graph.Input[0].Type.TensorType.Shape.Dim[0] = new() { DimValue = 2 };
        var result = check.Run(OnnxFile.ToBytes(other), Expectation.Form, Token);
        Assert.Equal(CheckOutcome.NotHeld, result.Outcome);
        Assert.Contains("fails on an input that the source takes", result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_RandomSource_CouldNotBeMade()
    {
        var source = new TestGraph().Input("x", 1, 4).Output("y").Node("RandomNormalLike", "x", "y").Model;
        using var check = ResultCheck.Of(source, [], Token);
        Assert.Equal(CheckOutcome.NotMade, check.Run(OnnxFile.ToBytes(source), Expectation.Exact, Token).Outcome);
    }

    [Fact]
    public void CheckedPreprocessing_StepAfterWhichItAnswersOtherwise_IsLeftOut()
    {
        // The runtime folds 1e30 * 1e-30 of the constants exactly, and the convolution's own rounding does not: a source of which folding
        // is not the same.
        var source = Trial.Read(new OnnxModel().Input("x", OnnxModel.Float, "n", 1, 4, 4).Output("y", OnnxModel.Float, "n", 2, 4, 4)
            .Initializer("w", [1f, -1f], 2, 1, 1, 1).Initializer("big", [1e8f]).Node("Conv", ["x", "w"], ["c"])
            .Node("Add", ["c", "big"], ["a"]).Node("Sub", ["a", "big"], ["y"]).ToBytes());
        using var check = ResultCheck.Of(source, [], Token);
        var (result, options, found) = CheckedPreprocessing.Run(source, new(), check, Token);
        Assert.Equal(CheckOutcome.Held, found.Outcome);
        Assert.False(options.FoldAffine);
        Assert.Contains(result.Steps, static step => step.StartsWith("Left out FoldAffine", StringComparison.Ordinal));
    }

    private static async Task TryAsync(Func<Task> write, byte[] source, string written)
    {
        try
        {
            await write();
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.NothingToQuantize)
        {
            return;
        }

        AssertAnswers(source, written, 20);
    }

    private static void AssertAnswers(byte[] source, string written, double decibels)
    {
        using var before = GraphSession.Open(source, GraphOptimizationLevel.ORT_DISABLE_ALL);
        using var after = GraphSession.Open(File.ReadAllBytes(written));
        foreach (var rows in (int[])[1, 2, 5])
        {
            var inputs = ModelRuns.RandomInputs(before, rows, rows);
            foreach (var (left, right) in Answer.Run(before.Session, inputs).Zip(Answer.Run(after.Session, inputs)))
            {
                Assert.Equal(left.Shape, right.Shape);
                var (signal, noise) = (left.Numbers!.Sum(static value => value * value),
                    left.Numbers!.Zip(right.Numbers!, static (a, b) => (a - b) * (a - b)).Sum());
                Assert.True(noise == 0 || 10 * Math.Log10(signal / noise) > decibels, $"{10 * Math.Log10(signal / noise)} dB");
            }
        }
    }
}
