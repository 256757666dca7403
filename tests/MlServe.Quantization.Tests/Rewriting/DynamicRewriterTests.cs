using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

public class DynamicRewriterTests
{
    private static readonly QuantizationPlan Plan = ModelRun.Plan(QuantizationMethod.Dynamic);

    [Fact]
    public void Rewrite_MatMul_IsFusedByTheRuntimeAndClose()
    {
        var model = SmallModels.MatMul();
        var rewritten = Rewrite(model);
        Assert.Contains("DynamicQuantizeMatMul", ModelRun.Optimized(rewritten));
        Assert.InRange(ModelRun.Snr(model, rewritten), 35, 60);
    }

    [Theory]
    [InlineData(false, 1, 1)]
    [InlineData(true, 1, 1)]
    [InlineData(true, 0.5f, 2)]
    [InlineData(false, -3, 0)]
    public void Rewrite_Gemm_IsFusedWithItsBiasAndClose(bool turned, float alpha, float beta)
    {
        var model = SmallModels.Gemm(turned, alpha, beta);
        var rewritten = Rewrite(model);
        Assert.Equal(["DynamicQuantizeMatMul"], ModelRun.Optimized(rewritten));
        Assert.InRange(ModelRun.Snr(model, rewritten), 35, 70);
        Assert.Equal(beta != 2, ModelRun.Parse(rewritten).Graph.Initializer.Any(static tensor => tensor.Name == "b"));
    }

    [Fact]
    public void Rewrite_GemmOfATurnedInput_StaysWithTheReason() =>
        Assert.Contains("transA", Refused(SmallModels.Gemm(false, 1, 1, transA: true)).Message, StringComparison.Ordinal);

    [Fact]
    public void Rewrite_TensorAndWeightShared_AreQuantizedOnce()
    {
        var model = SmallModels.Shared();
        var rewritten = Rewrite(model);
        var operators = ModelRun.Operators(ModelRun.Parse(rewritten));
        Assert.Equal(2, operators.Count(static name => name == "DynamicQuantizeLinear"));
        Assert.Equal(3, operators.Count(static name => name == "MatMulInteger"));
        Assert.Equal(4, ModelRun.Parse(rewritten).Graph.Initializer.Count);
        Assert.Equal(2, ModelRun.Optimized(rewritten).Count(static name => name == "MatMulIntegerToFloat"));
        Assert.InRange(ModelRun.Snr(model, rewritten), 30, 60);
    }

    [Theory]
    [InlineData("forward", false, true)]
    [InlineData("reverse", true, true)]
    [InlineData("bidirectional", true, true)]
    [InlineData("bidirectional", false, false)]
    public void Rewrite_Lstm_IsClose(string direction, bool states, bool perChannel)
    {
        var model = SmallModels.Lstm(direction: direction, states: states);
        var rewritten = Rewrite(model, Plan with { PerChannel = perChannel });
        Assert.Contains("DynamicQuantizeLSTM", ModelRun.Optimized(rewritten));
        Assert.InRange(ModelRun.Snr(model, rewritten, openSize: 5), 25, 60);
    }

    [Fact]
    public void Rewrite_LstmWithTheBatchFirst_StaysWithTheReason() =>
        Assert.Contains("layout", Refused(SmallModels.Lstm(layout: 1)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(CpuTarget.X86, 64)]
    [InlineData(CpuTarget.X86Vnni, 127)]
    [InlineData(CpuTarget.Arm, 127)]
    public void Rewrite_Target_DecidesTheLargestWeight(CpuTarget target, int largest)
    {
        var rewritten = ModelRun.Parse(Rewrite(SmallModels.MatMul(), Plan with { Target = target }));
        var weights = rewritten.Graph.Initializer.Single(static tensor => tensor.DataType == (int)TensorProto.Types.DataType.Int8);
        Assert.Equal(largest, weights.RawData.Span.ToArray().Max(static value => Math.Abs((int)(sbyte)value)));
    }

    [Fact]
    public void Rewrite_TwiceTheSame_GivesTheSameBytesAndLeavesTheModelAsItWas()
    {
        var model = ModelRun.Parse(SmallModels.Shared());
        var before = OnnxFile.ToBytes(model);
        var first = OnnxFile.ToBytes(DynamicRewriter.Rewrite(model, Plan).Model);
        Assert.Equal(first, OnnxFile.ToBytes(DynamicRewriter.Rewrite(model, Plan).Model));
        Assert.Equal(before, OnnxFile.ToBytes(model));
    }

    [Fact]
    public void Rewrite_Model_SaysWhatItIs()
    {
        var model = DynamicRewriter.Rewrite(ModelRun.Parse(SmallModels.MatMul()), Plan).Model;
        Assert.Equal("Dynamic", MetadataProperties.Find(model, "mlserve.quantization"));
        Assert.Equal("true", MetadataProperties.Find(model, "mlserve.batch-dependent"));
        var exception = Assert.Throws<QuantizationException>(() => DynamicRewriter.Rewrite(model, Plan));
        Assert.Equal(QuantizationFailure.AlreadyQuantized, exception.Failure);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Rewrite_WeightThatIsNoNumber_StaysWithTheReason(float bad)
    {
        var weights = SmallModels.Random(64 * 32);
        weights[77] = bad;
        Assert.Contains("finite", Refused(SmallModels.MatMul(weights)).Message, StringComparison.Ordinal);
        Assert.Contains("finite", Refused(SmallModels.Lstm(bad: bad)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rewrite_WeightsThatAreInputsOrOutputsOrGiven_StayWithTheReason()
    {
        var input = new OnnxModel().Input("x", OnnxModel.Float, "n", 8)
            .Input("w", OnnxModel.Float, 8, 8)
            .Output("y", OnnxModel.Float, "n", 8);
        Assert.Contains("no constant", Refused(input.Node("MatMul", ["x", "w"], ["y"]).ToBytes()).Message, StringComparison.Ordinal);
        Assert.Contains(
            "a caller may give others", Refused(input.Initializer("w", SmallModels.Random(64), 8, 8).ToBytes()).Message,
            StringComparison.Ordinal);
        var output = new OnnxModel().Input("x", OnnxModel.Float, "n", 8).Output("y", OnnxModel.Float, "n", 8)
            .Output("w", OnnxModel.Float, 8, 8)
            .Initializer("w", SmallModels.Random(64), 8, 8).Node("MatMul", ["x", "w"], ["y"]);
        Assert.Contains("an output as well", Refused(output.ToBytes()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 8 }, "1 axes")]
    [InlineData(new long[] { 8, 0 }, "no elements")]
    [InlineData(new long[] { 2, 8, 8 }, "3 axes")]
    public void Rewrite_WeightsOfOtherShapes_StayWithTheReason(long[] shape, string reason)
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, "n", 8).Output("y", OnnxModel.Float)
            .Initializer("w", SmallModels.Random((int)shape.Aggregate(1L, static (count, size) => count * size)), shape)
            .Node("MatMul", ["x", "w"], ["y"]);
        Assert.Contains(reason, Refused(model.ToBytes()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rewrite_AllWeightsZero_GivesZeros()
    {
        var rewritten = Rewrite(SmallModels.MatMul(new float[64 * 32]));
        Assert.All(ModelRun.One(rewritten, SmallModels.Random(64), 1, 64), static value => Assert.Equal(0, value));
    }

    [Fact]
    public void Rewrite_SmallOrExcludedNode_StaysWithTheReason()
    {
        var small = DynamicRewriter.Rewrite(ModelRun.Parse(OnnxModel.Mlp(1, 8, 64, 64)), Plan with { MinMultiplications = 1000 });
        Assert.Contains(
            "512 multiplications", Assert.Single(small.Decisions, static decision => !decision.IsQuantized).Reason,
            StringComparison.Ordinal);
        var excluded = DynamicRewriter.Rewrite(ModelRun.Parse(OnnxModel.Mlp(1, 8, 64, 64)), Plan with { ExcludedNodes = ["y"] });
        Assert.Equal(
            ("y", "it was excluded"),
            excluded.Decisions.Where(static decision => !decision.IsQuantized)
                .Select(static decision => (decision.Node, decision.Reason))
                .Single());
    }

    [Fact]
    public void Rewrite_ConvolutionOnly_IsRefusedWithTheReason()
    {
        var exception = Refused(SmallModels.Conv());
        Assert.Equal(QuantizationFailure.NothingToQuantize, exception.Failure);
        Assert.Contains("1 Conv: dynamically quantized convolutions are slower", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rewrite_OldOperatorSet_IsRefused()
    {
        var model = new OnnxModel(9).Input("x", OnnxModel.Float, 1, 8)
            .Output("y", OnnxModel.Float, 1, 8)
            .Initializer("w", SmallModels.Random(64), 8, 8)
            .Node("MatMul", ["x", "w"], ["y"]);
        Assert.Equal(QuantizationFailure.UnsupportedOpset, Refused(model.ToBytes()).Failure);
    }

    [Fact]
    public void Rewrite_NamesLikeItsOwnAndOdd_AreKeptApart()
    {
        var model = new OnnxModel().Input("q0", OnnxModel.Float, "n", 16).Output("z0", OnnxModel.Float, "n", 16)
            .Initializer("w0", SmallModels.Random(256), 16, 16).Initializer("/é 模型\n\"'{}:0", SmallModels.Random(256, 2), 16, 16)
            .Node("MatMul", ["q0", "w0"], ["s0"]).Node("MatMul", ["s0", "/é 模型\n\"'{}:0"], ["z0"]).ToBytes();
        Assert.InRange(ModelRun.Snr(model, Rewrite(model)), 25, 60);
    }

    [Fact]
    public void Rewrite_NoRows_GivesNoRows() => Assert.Empty(ModelRun.One(Rewrite(SmallModels.MatMul()), [], 0, 64));

    [Fact]
    public void Rewrite_HundredThousandNodes_TakesThemAll()
    {
        var model = new OnnxModel().Input("v0", OnnxModel.Float, "n", 4)
            .Output("v100000", OnnxModel.Float, "n", 4)
            .Initializer("w", SmallModels.Random(16), 4, 4);
        for (var i = 0; i < 100_000; i++)
            model.Node(i % 2 == 0 ? "MatMul" : "Relu", i % 2 == 0 ? [$"v{i}", "w"] : [$"v{i}"], [$"v{i + 1}"]);
        Assert.Equal(50_000, DynamicRewriter.Rewrite(ModelRun.Parse(model.ToBytes()), Plan).Decisions.Count);
    }

    private static byte[] Rewrite(byte[] model, QuantizationPlan? plan = null) =>
        OnnxFile.ToBytes(DynamicRewriter.Rewrite(ModelRun.Parse(model), plan ?? Plan).Model);

    private static QuantizationException Refused(byte[] model) =>
        Assert.Throws<QuantizationException>(() => DynamicRewriter.Rewrite(ModelRun.Parse(model), Plan));
}
