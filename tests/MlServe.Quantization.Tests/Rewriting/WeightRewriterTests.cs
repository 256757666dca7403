using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

public class WeightRewriterTests
{
    public static TheoryData<string, QuantizationMethod, double, double> Stored { get; } = new()
    {
        { "matmul", QuantizationMethod.Int8Storage, 40, 0.5 }, { "matmul", QuantizationMethod.Fp16Storage, 65, 0.6 },
        { "gemm", QuantizationMethod.Int8Storage, 40, 0.5 }, { "conv", QuantizationMethod.Int8Storage, 40, 0.5 },
        { "conv", QuantizationMethod.Fp16Storage, 65, 0.6 }, { "lstm", QuantizationMethod.Int8Storage, 40, 0.4 },
        { "embedding", QuantizationMethod.Int8Storage, 40, 0.4 }, { "embedding", QuantizationMethod.Fp16Storage, 65, 0.6 },
    };

    [Theory]
    [MemberData(nameof(Stored))]
    public void Rewrite_Storage_IsSmallerCloseAndFoldedByTheRuntime(string name, QuantizationMethod method, double decibels, double share)
    {
        var model = Named(name);
        var rewritten = Rewrite(model, method);
        Assert.InRange(ModelRun.Snr(model, rewritten), decibels, 100);
        Assert.InRange(rewritten.Length / (double)model.Length, 0.2, share);
        Assert.DoesNotContain("Cast", ModelRun.Optimized(rewritten));
        Assert.DoesNotContain("Mul", ModelRun.Optimized(rewritten));
    }

    [Theory]
    [InlineData(QuantizationMethod.NBits8, 32, 38)]
    [InlineData(QuantizationMethod.NBits8, 256, 35)]
    [InlineData(QuantizationMethod.NBits4, 16, 18)]
    [InlineData(QuantizationMethod.NBits4, 128, 15)]
    public void Rewrite_Blocks_AreClose(QuantizationMethod method, int block, double decibels)
    {
        foreach (var model in new[] { SmallModels.MatMul(rows: 300, columns: 33), SmallModels.Gemm(true, 0.5f, 2, 300, 40),
            SmallModels.MatMul(rows: 7, columns: 64) })
        {
            var rewritten = Rewrite(model, method, block);
            Assert.Contains("MatMulNBits", ModelRun.Optimized(rewritten));
            Assert.InRange(ModelRun.Snr(model, rewritten), decibels, 70);
        }
    }

    [Fact]
    public void Rewrite_Blocks_RowsDoNotInfluenceEachOther()
    {
        var rewritten = Rewrite(SmallModels.MatMul(), QuantizationMethod.NBits8);
        var (first, second) = (SmallModels.Random(64, 1), SmallModels.Random(64, 2, 9));
        var together = ModelRun.One(rewritten, [.. first, .. second], 2, 64);
        var alone = ModelRun.One(rewritten, first, 1, 64);
        Assert.True(ModelRun.Snr([alone], [together[..alone.Length]]) > 100);
    }

    [Fact]
    public void Rewrite_WeightSharedByNodes_IsStoredOnce()
    {
        var rewritten = ModelRun.Parse(Rewrite(SmallModels.Shared(), QuantizationMethod.Int8Storage));
        Assert.Equal(2, rewritten.Graph.Initializer.Count(static tensor => tensor.DataType == (int)TensorProto.Types.DataType.Int8));
        Assert.Equal(4, rewritten.Graph.Initializer.Count);
    }

    [Fact]
    public void Rewrite_WeightReadAsSomethingElseToo_StaysWithTheReason()
    {
        var model = new OnnxModel().Input("x", OnnxModel.Float, 64, 64).Output("y", OnnxModel.Float, 64, 64)
            .Initializer("w", SmallModels.Random(64 * 64), 64, 64)
            .Node("MatMul", ["x", "w"], ["a"]).Node("Add", ["a", "w"], ["y"]).ToBytes();
        Assert.Contains("read by a Add as well", Refused(model, QuantizationMethod.Int8Storage).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, QuantizationMethod.Int8Storage, "finite")]
    [InlineData(float.NegativeInfinity, QuantizationMethod.Fp16Storage, "finite")]
    [InlineData(float.NaN, QuantizationMethod.NBits8, "finite")]
    [InlineData(float.PositiveInfinity, QuantizationMethod.NBits4, "finite")]
    public void Rewrite_WeightThatTheFormCannotHold_StaysWithTheReason(float bad, QuantizationMethod method, string reason)
    {
        var weights = SmallModels.Random(64 * 32);
        weights[99] = bad;
        Assert.Contains(reason, Refused(SmallModels.MatMul(weights), method).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(70000)]
    [InlineData(1e-8f)]
    public void Rewrite_WeightsBeyond16Bits_AreKept(float size)
    {
        var model = SmallModels.MatMul(SmallModels.Random(64 * 32, scale: size));
        var made = OnnxFile.ToBytes(WeightRewriter.Rewrite(ModelRun.Parse(model), ModelRun.Plan(QuantizationMethod.Fp16Storage)).Model);
        Assert.True(ModelRun.Snr(model, made) > 60, $"{ModelRun.Snr(model, made)} dB");
    }

    [Fact]
    public void Rewrite_SmallWeights_StayWithTheReason() =>
        Assert.Contains(
            "small (4x4)", Refused(SmallModels.MatMul(rows: 4, columns: 4), QuantizationMethod.Int8Storage).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(QuantizationMethod.Int8Storage)]
    [InlineData(QuantizationMethod.Fp16Storage)]
    [InlineData(QuantizationMethod.NBits8)]
    [InlineData(QuantizationMethod.NBits4)]
    public void Rewrite_TwiceTheSame_GivesTheSameBytesAndLeavesTheModelAsItWas(QuantizationMethod method)
    {
        var model = SmallModels.Shared();
        var parsed = ModelRun.Parse(model);
        Assert.Equal(
            Rewrite(model, method), OnnxFile.ToBytes(WeightRewriter.Rewrite(parsed, ModelRun.Plan(method) with { BlockSize = 32 }).Model));
        Assert.Equal(OnnxFile.ToBytes(ModelRun.Parse(model)), OnnxFile.ToBytes(parsed));
        Assert.Null(MetadataProperties.Find(ModelRun.Parse(Rewrite(model, method)), MetadataProperties.BatchDependent));
        Assert.Equal(QuantizationFailure.AlreadyQuantized, Refused(Rewrite(model, method), method).Failure);
    }

    private static byte[] Named(string name) => name switch
    {
        "matmul" => SmallModels.MatMul(),
        "gemm" => SmallModels.Gemm(true, 2, 1),
        "conv" => SmallModels.Conv(),
        "lstm" => SmallModels.Lstm(),
        _ => SmallModels.Embedding(),
    };

    private static byte[] Rewrite(byte[] model, QuantizationMethod method, int block = 32) =>
        OnnxFile.ToBytes(WeightRewriter.Rewrite(ModelRun.Parse(model), ModelRun.Plan(method) with { BlockSize = block }).Model);

    private static QuantizationException Refused(byte[] model, QuantizationMethod method) =>
        Assert.Throws<QuantizationException>(() => WeightRewriter.Rewrite(ModelRun.Parse(model), ModelRun.Plan(method)));
}
