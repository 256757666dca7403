using MlServe.Quantization.Calibration;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Model;
using MlServe.Quantization.Rewriting.Static;
using MlServe.Quantization.Runtime;
using MlServe.TestModels;
using Xunit;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting;

public class StaticRewriterTests
{
    private static readonly byte[] SmallResNet = ResNetModel.Create(1, size: 32, width: 8, classes: 10, 2, 1);
    private static readonly long[] Image = [1, 3, 32, 32];

    [Theory]
    [InlineData(CpuTarget.X86Vnni)]
    [InlineData(CpuTarget.X86)]
    [InlineData(CpuTarget.Arm)]
    public async Task Rewrite_ConvolutionsWithResiduals_AnswersNearly(CpuTarget target)
    {
        var plan = await Trial.CalibrateAsync(SmallResNet, Trial.Plan(target), Trial.RandomSamples(SmallResNet, 16, Image));
        var values = Trial.Values(5, 3 * 32 * 32);
        var snr = Trial.Snr(Trial.Run(SmallResNet, values, Image), Trial.Run(Trial.Rewrite(SmallResNet, plan), values, Image));
        Assert.True(snr > 25, $"{snr:F1} dB");
    }

    [Fact]
    public async Task Rewrite_ConvolutionsWithResiduals_RunsOnIntegersThroughout()
    {
        Assert.SkipUnless(Processor.Current == CpuTarget.X86Vnni, "Fusions of x86 processors with VNNI.");
        var fused = FusedOperators.Of(await Trial.QuantizeAsync(SmallResNet, Image));
        Assert.Equal(12, fused["QLinearConv"]);
        Assert.Equal(3, fused["QLinearAdd"]);
        Assert.Equal(1, fused["QGemm"]);
        Assert.Equal(1, fused["QuantizeLinear"]);
        Assert.DoesNotContain("Conv", fused.Keys);
        Assert.DoesNotContain("Relu", fused.Keys);
        Assert.DoesNotContain("DequantizeLinear", fused.Keys);
    }

    [Fact]
    public async Task Rewrite_QOperatorFormat_HoldsIntegerOperatorsAndAnswersTheSame()
    {
        var plan = await Trial.CalibrateAsync(SmallResNet, Trial.Plan(), Trial.RandomSamples(SmallResNet, 16, Image));
        var model = StaticRewriter.Rewrite(Trial.Read(SmallResNet), plan with { Format = QuantizationFormat.QOperator }).Model;
        Assert.Contains(model.Graph.Node, static node => node.OpType == "QLinearConv");
        Assert.DoesNotContain(
            model.Graph.Node, static node => node.OpType == "DequantizeLinear" || node.Domain.Contains("nchwc", StringComparison.Ordinal));
        var values = Trial.Values(5, 3 * 32 * 32);
        var snr = Trial.Snr(Trial.Run(Trial.Rewrite(SmallResNet, plan), values, Image), Trial.Run(OnnxFile.ToBytes(model), values, Image));
        Assert.True(snr > 40, $"{snr:F1} dB");
    }

    [Fact]
    public async Task Rewrite_Batch_IsTheSameAsItsRowsAloneBitForBit()
    {
        var quantized = await Trial.QuantizeAsync(SmallResNet, Image);
        var values = Trial.Values(6, 4 * 3 * 32 * 32);
        var together = Trial.Run(quantized, values, 4, 3, 32, 32);
        float[] alone =
            [.. Enumerable.Range(0, 4).SelectMany(row => Trial.Run(quantized, values[(row * 3072)..((row + 1) * 3072)], Image))];
        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task Rewrite_Encoder_KeepsOutputsOfProductsFloat()
    {
        var model = EncoderModel.Create(2, layers: 1, width: 64, heads: 4);
        var plan = await Trial.CalibrateAsync(model, Trial.Plan(), Trial.RandomSamples(model, 16, 1, 8, 64));
        var result = StaticRewriter.Rewrite(Trial.Read(model), plan);
        Assert.Equal(
            6, result.Decisions.Count(static decision => decision is { OpType: "MatMul", IsQuantized: true, Reason: "float output" }));
        Assert.Equal(
            2,
            result.Decisions.Count(static decision =>
                decision is { OpType: "MatMul", IsQuantized: false, Reason: "its weights are computed" }));
        var values = Trial.Values(5, 8 * 64);
        var snr = Trial.Snr(Trial.Run(model, values, 1, 8, 64), Trial.Run(OnnxFile.ToBytes(result.Model), values, 1, 8, 64));
        Assert.True(snr > 30, $"{snr:F1} dB");
    }

    [Fact]
    public async Task Rewrite_SamePlan_GivesTheSameBytesAndLeavesTheModelAlone()
    {
        var plan = await Trial.CalibrateAsync(SmallResNet, Trial.Plan(), Trial.RandomSamples(SmallResNet, 4, Image));
        var model = Trial.Read(SmallResNet);
        var before = OnnxFile.ToBytes(model);
        var first = OnnxFile.ToBytes(StaticRewriter.Rewrite(model, plan).Model);
        Assert.Equal(before, OnnxFile.ToBytes(model));
        Assert.Equal(first, OnnxFile.ToBytes(StaticRewriter.Rewrite(model, QuantizationPlan.FromJson(plan.ToJson())).Model));
    }

    [Fact]
    public async Task Rewrite_GemmWithFactorsAndOverlargeBias_AnswersNearly()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "batch", 16).Output("y", OnnxModel.Float, "batch", 4)
            .Initializer("w", Trial.Values(1, 64), 4, 16).Initializer("b", [1e6f, 0.5f, -3, 0], 1, 4)
            .Node("Gemm", ["x", "w", "b"], ["y"], ("transB", 1), ("alpha", 0.5f), ("beta", 2f)).ToBytes();
        var quantized = await Trial.QuantizeAsync(model, 1, 16);
        var values = Trial.Values(2, 16);
        var (expected, actual) = (Trial.Run(model, values, 1, 16), Trial.Run(quantized, values, 1, 16));
        Assert.Equal(expected[0], actual[0], 100f);
        for (var i = 1; i < 4; i++)
            Assert.Equal(expected[i], actual[i], 0.05f);
    }

    [Fact]
    public async Task Rewrite_SharedWeights_AreWrittenOnce()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "batch", 16).Output("y", OnnxModel.Float, "batch", 16)
            .Output("z", OnnxModel.Float, "batch", 16)
            .Initializer("w", Trial.Values(1, 256), 16, 16)
            .Node("MatMul", ["x", "w"], ["h"]).Node("Relu", ["h"], ["y"]).Node("MatMul", ["y", "w"], ["z"]).ToBytes();
        var quantized = Trial.Read(await Trial.QuantizeAsync(model, 1, 16));
        Assert.Single(quantized.Graph.Initializer, static tensor => tensor.Dims.SequenceEqual([16L, 16]));
        Assert.Equal(["y", "z"], quantized.Graph.Output.Select(static output => output.Name));
    }

    [Fact]
    public void Rewrite_WeightsThatAreInputsOrOutputs_StayFloatWithAReason()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "batch", 8).Input("v", OnnxModel.Float, 8, 8)
            .Output("y", OnnxModel.Float, "batch", 8).Output("u", OnnxModel.Float, 8, 8)
            .Initializer("w", Trial.Values(1, 64), 8, 8).Initializer("v", Trial.Values(2, 64), 8, 8)
            .Initializer("u", Trial.Values(3, 64), 8, 8)
            .Node("MatMul", ["x", "w"], ["a"]).Node("MatMul", ["a", "v"], ["b"]).Node("MatMul", ["b", "u"], ["y"]).ToBytes();
        var proto = Trial.Read(model);
        var plan = Trial.Plan() with { Ranges = new Dictionary<string, TensorRange> { ["x"] = new(-1, 1) } };
        Assert.Equal(["x"], StaticRewriter.TensorsToCalibrate(proto, plan));
        var result = StaticRewriter.Rewrite(proto, plan);
        Assert.Equal([true, false, false], result.Decisions.Select(static decision => decision.IsQuantized));
        Assert.Contains("'v' are an input", result.Decisions[1].Reason, StringComparison.Ordinal);
        Assert.Contains("'u' are an output", result.Decisions[2].Reason, StringComparison.Ordinal);
        GraphSession.Open(OnnxFile.ToBytes(result.Model)).Dispose();
    }

    [Fact]
    public void TensorsToCalibrate_SmallAndExcludedNodes_LeaveTheirReason()
    {
        var model = Trial.Read(OnnxModel.Mlp(1, 64, 32, 16, 4));
        var plan = Trial.Plan() with { MinMultiplications = 100, ExcludedNodes = ["s2"] };
        Assert.Equal(["x"], StaticRewriter.TensorsToCalibrate(model, plan));
        var decisions = StaticRewriter.Rewrite(
            model, plan with { Ranges = new Dictionary<string, TensorRange> { ["x"] = new(-1, 1) } }).Decisions;
        Assert.Equal("excluded by the plan", decisions.Single(static decision => decision.Node == "s2").Reason);
        Assert.Contains("64 multiplications", decisions.Single(static decision => decision.Node == "y").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rewrite_DepthwiseConvolutionWithClip_AnswersNearly()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "batch", 8, 10, 10).Output("y", OnnxModel.Float, "batch", 8, 10, 10)
            .Initializer("w", Trial.Values(1, 72), 8, 1, 3, 3).Initializer("b", Trial.Values(2, 8), 8).Initializer("lo", [0f])
            .Initializer("hi", [6f])
            .Node("Conv", ["x", "w", "b"], ["c"], ("group", 8), ("pads", new long[] { 1, 1, 1, 1 })).Node("Clip", ["c", "lo", "hi"], ["y"])
            .ToBytes();
        var quantized = await Trial.QuantizeAsync(model, 1, 8, 10, 10);
        Assert.DoesNotContain(Trial.Read(quantized).Graph.Node, static node => node.OpType == "Clip");
        var values = Trial.Values(3, 800);
        var snr = Trial.Snr(Trial.Run(model, values, 1, 8, 10, 10), Trial.Run(quantized, values, 1, 8, 10, 10));
        Assert.True(snr > 30, $"{snr:F1} dB");
    }

    [Theory]
    [InlineData("Gemm", "Relu")]
    [InlineData("Gemm", "Clip")]
    [InlineData("MatMul", "Relu")]
    [InlineData("MatMul", "Clip")]
    public async Task Rewrite_ProductWithReluThatFloatsRead_RunsOnIntegers(string product, string activation)
    {
        Assert.SkipUnless(Processor.Current == CpuTarget.X86Vnni, "Fusions of x86 processors with VNNI.");
        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", 512).Output("y", OnnxModel.Float, "n", 256)
            .Initializer("w", SmallModels.Random(512 * 256), 512, 256).Initializer("b", SmallModels.Random(256), 256)
            .Initializer("zero", [0f]).Initializer("six", [6f])
            .Node(product, product == "Gemm" ? ["x", "w", "b"] : ["x", "w"], ["p"])
            .Node(activation, activation == "Clip" ? ["p", "zero", "six"] : ["p"], ["a"])
            .Node("Sub", ["a", "six"], ["y"]).ToBytes();
        var plan = await Trial.CalibrateAsync(model, Trial.Plan(), Trial.RandomSamples(model, 16, 1, 512));
        var result = StaticRewriter.Rewrite(Trial.Read(model), plan);
        var quantized = OnnxFile.ToBytes(result.Model);

        var fused = FusedOperators.Of(quantized);
        Assert.Null(FusedOperators.Difference(result.Decisions, fused));
        Assert.Contains(fused.Keys, static name => name is "QGemm" or "MatMulIntegerToFloat" or "QLinearMatMul");
        Assert.DoesNotContain(fused.Keys, static name => name is "Gemm" or "FusedGemm" or "MatMul");
        var values = Trial.Values(3, 512);
        var snr = Trial.Snr(Trial.Run(model, values, 1, 512), Trial.Run(quantized, values, 1, 512));
        Assert.True(snr > 35, $"{snr:F1} dB");
    }

    [Theory]
    [InlineData("Conv", false)]
    [InlineData("Conv", true)]
    [InlineData("ConvTranspose", false)]
    public async Task Rewrite_ProductLeftOutBehindIntegers_StaysFloat(string product, bool isShared)
    {
        Assert.SkipUnless(Processor.Current == CpuTarget.X86Vnni, "Fusions of x86 processors with VNNI.");
        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", 16, 12, 12).Output("y", OnnxModel.Float, "n", 32, 10, 10)
            .Initializer("u", SmallModels.Random(32 * 16 * 9), 32, 16, 3, 3)
            .Initializer("v", SmallModels.Random(32 * 32 * 9, 3), 32, 32, 3, 3)
            .Initializer("w", SmallModels.Random(32 * 32 * 9, 4), 32, 32, 3, 3).Initializer("b", SmallModels.Random(32), 32)
            .Node("Conv", ["x", "u"], ["a"], ("pads", new long[] { 1, 1, 1, 1 })).Node("Relu", ["a"], ["r"])
            .Node(product, ["r", "v", "b"], ["c"], ("pads", new long[] { 1, 1, 1, 1 }))
            .Node("Conv", ["c", "w"], [isShared ? "d" : "y"]);
        if (isShared) model.Node("Conv", ["r", "w"], ["e"]).Node("Mul", ["d", "e"], ["y"]);
        var bytes = model.ToBytes();
        long[] shape = [1, 16, 12, 12];
        var plan = await Trial.CalibrateAsync(bytes, Trial.Plan() with { ExcludedNodes = ["c"] }, Trial.RandomSamples(bytes, 16, shape));
        var result = StaticRewriter.Rewrite(Trial.Read(bytes), plan);

        var quantized = OnnxFile.ToBytes(result.Model);
        var fused = FusedOperators.Of(quantized);
        Assert.Equal(isShared ? 3 : 2, fused["QLinearConv"]);
        Assert.Contains(product, fused.Keys);
        Assert.Null(FusedOperators.Difference(result.Decisions, fused));
        Assert.All(
            result.Model.Graph.Node.Where(static node => node.OpType == "DequantizeLinear"),
            node => Assert.Contains(result.Model.Graph.Node, reader => reader.Input.Contains(node.Output[0]) || node.Output[0] == "y"));
        var values = Trial.Values(3, 16 * 12 * 12);
        var snr = Trial.Snr(Trial.Run(bytes, values, shape), Trial.Run(quantized, values, shape));
        Assert.True(snr > 25, $"{snr:F1} dB");
    }

    [Theory]
    [InlineData("Gemm")]
    [InlineData("MatMul")]
    public async Task Rewrite_MatrixLeftOutBehindIntegers_StaysFloat(string product)
    {
        Assert.SkipUnless(Processor.Current == CpuTarget.X86Vnni, "Fusions of x86 processors with VNNI.");
        string[] middle = product == "Gemm" ? ["h", "v", "b"] : ["h", "v"];
        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", 128).Output("y", OnnxModel.Float, "n", 64)
            .Output("z", OnnxModel.Float, "n", 64)
            .Initializer("u", SmallModels.Random(128 * 64), 128, 64).Initializer("v", SmallModels.Random(64 * 64, 4), 64, 64)
            .Initializer("w", SmallModels.Random(64 * 64, 5), 64, 64)
            .Initializer("b", SmallModels.Random(64), 64)
            .Node("Gemm", ["x", "u", "b"], ["h"]).Node(product, middle, [product == "Gemm" ? "c" : "m"]);
        if (product == "MatMul") model.Node("Add", ["m", "b"], ["c"]);
        var bytes = model.Node("Gemm", ["c", "w", "b"], ["y"]).Node("Gemm", ["h", "w", "b"], ["z"]).ToBytes();
        var plan = await Trial.CalibrateAsync(
            bytes, Trial.Plan() with { ExcludedNodes = ["c", "m"] }, Trial.RandomSamples(bytes, 16, 1, 128));
        var result = StaticRewriter.Rewrite(Trial.Read(bytes), plan);
        var fused = FusedOperators.Of(OnnxFile.ToBytes(result.Model));
        Assert.Contains("Gemm", fused.Keys);
        Assert.Null(FusedOperators.Difference(result.Decisions, fused));
    }

    [Fact]
    public void Rewrite_NarrowConvolutionExcluded_SaysWhy()
    {
        var model = Trial.Read(new OnnxModel().Input("x", OnnxModel.Float, "n", 1, 28, 28).Output("y", OnnxModel.Float, "n", 64, 24, 24)
            .Initializer("w", SmallModels.Random(16 * 9), 16, 1, 3, 3).Initializer("v", SmallModels.Random(64 * 16 * 9), 64, 16, 3, 3)
            .Node("Conv", ["x", "w"], ["narrow"]).Node("Conv", ["narrow", "v"], ["y"]).ToBytes());
        string[] slow = [.. SlowConvolutions.In(model)];
        Assert.Equal(["narrow"], slow);
        var range = new TensorRange(-1, 1);
        var plan = Trial.Plan() with
        {
            ExcludedNodes = slow,
            Ranges = new Dictionary<string, TensorRange> { ["narrow"] = range, ["y"] = range },
        };
        Assert.Contains("so few channels", StaticRewriter.Rewrite(model, plan).Decisions[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Rewrite_RangeMissing_NamesTheTensor()
    {
        var exception = Assert.Throws<QuantizationException>(() => StaticRewriter.Rewrite(Trial.Read(SmallResNet), Trial.Plan()));
        Assert.Equal(QuantizationFailure.PlanMismatch, exception.Failure);
        Assert.Contains("'x'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TensorsToCalibrate_QuantizedModel_IsRefused()
    {
        var quantized = Trial.Read(await Trial.QuantizeAsync(OnnxModel.Mlp(1, 8, 8), 1, 8));
        Assert.Equal(
            QuantizationFailure.AlreadyQuantized,
            Assert.Throws<QuantizationException>(() => StaticRewriter.TensorsToCalibrate(quantized, Trial.Plan())).Failure);
    }

    [Fact]
    public void TensorsToCalibrate_NoWeightsOrOldOperators_IsRefused()
    {
        var relu = new OnnxModel().Input("x", OnnxModel.Float, 4).Output("y", OnnxModel.Float, 4).Node("Relu", ["x"], ["y"]).ToBytes();
        Assert.Equal(
            QuantizationFailure.NothingToQuantize,
            Assert.Throws<QuantizationException>(() => StaticRewriter.TensorsToCalibrate(Trial.Read(relu), Trial.Plan())).Failure);
        var model = Trial.Read(OnnxModel.Mlp(1, 4, 4));
        model.OpsetImport[0].Version = 12;
        Assert.Equal(
            QuantizationFailure.UnsupportedOpset,
            Assert.Throws<QuantizationException>(() => StaticRewriter.TensorsToCalibrate(model, Trial.Plan())).Failure);
    }

    [Fact]
    public async Task Rewrite_ReadOnlyByHardSigmoid_SpendsNoIntegersOnFlatParts()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "batch", 4, 4, 4).Output("y", OnnxModel.Float, "batch", 4, 4, 4)
            .Initializer("w", [.. Trial.Values(1, 16).Select(static value => value * 100)], 4, 4, 1, 1)
            .Node("Conv", ["x", "w"], ["c"]).Node("HardSigmoid", ["c"], ["g"], ("alpha", 1 / 6f), ("beta", 0.5f))
            .Node("Mul", ["c", "g"], ["y"]).ToBytes();
        var plan = await Trial.CalibrateAsync(model, Trial.Plan(), Trial.RandomSamples(model, 4, 1, 4, 4, 4));
        Assert.True(plan.Ranges["c"].Min < -50);
        var quantized = Trial.Read(Trial.Rewrite(model, plan));
        var scale = quantized.Graph.Node.Single(node => node.OpType == "DequantizeLinear" && node.Output[0] == "c").Input[1];
        Assert.Equal(
            (plan.Ranges["c"].Max + 3) / 255, TensorData.Floats(quantized.Graph.Initializer.Single(tensor => tensor.Name == scale))[0],
            1e-4f);
        Assert.DoesNotContain(
            quantized.Graph.Initializer, static tensor => TensorData.TypeOf(tensor) == DataType.Float && tensor.Dims.Count == 4);
    }
}
