using Xunit;

namespace MlServe.Quantization;

public class QuantizationPlanTests
{
    private static readonly QuantizationPlan Plan = new()
    {
        SourceDigest = "ab",
        Method = QuantizationMethod.Static,
        Target = CpuTarget.X86Vnni,
        Ranges = new Dictionary<string, TensorRange> { ["b"] = new(-1.1f, 3e-7f), ["a"] = new(0, float.MaxValue) },
        BiasCorrections = new Dictionary<string, float[]> { ["y"] = [0.1f, -0f] },
        ExcludedNodes = ["n\"1"],
        MinMultiplications = 65536,
    };

    [Fact]
    public void FromJson_OfToJson_IsTheSamePlan()
    {
        var read = QuantizationPlan.FromJson(Plan.ToJson());
        Assert.Equal(Plan.ToJson(), read.ToJson());
        Assert.Equal(Plan.Ranges, read.Ranges);
        Assert.Equal(Plan.ExcludedNodes, read.ExcludedNodes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":1,\"sourceDigest\":\"ab\",\"method\":\"Static\",\"target\":\"X86\",\"whatever\":1}")]
    [InlineData("{\"version\":2,\"sourceDigest\":\"ab\",\"method\":\"Static\",\"target\":\"X86\"}")]
    [InlineData("{\"version\":0,\"sourceDigest\":\"ab\",\"method\":\"Static\",\"target\":\"X86\"}")]
    [InlineData("{\"version\":1,\"sourceDigest\":\"ab\",\"method\":\"Magic\",\"target\":\"X86\"}")]
    public void FromJson_NoPlanOrANewerOne_IsRefused(string json) =>
        Assert.Equal(QuantizationFailure.PlanMismatch, Assert.Throws<QuantizationException>(() => QuantizationPlan.FromJson(json)).Failure);
}
