using Xunit;

namespace MlServe.Quantization.Evaluation;

public class GateJudgeTests
{
    [Theory]
    // Clear of the threshold on either side.
    [InlineData(1.5, 1.4, 1.6, true)]
    [InlineData(0.6, 0.5, 0.7, false)]
    // The interval holds the threshold: the median decides.
    [InlineData(1.05, 0.9, 1.2, true)]
    [InlineData(1.06, 1.05, 1.2, true)]
    [InlineData(1.04, 0.9, 1.2, false)]
    [InlineData(1.04, 1.0, 1.05, false)]
    public void Judge_Speed_IsThatOfTheMedian(double ratio, double low, double high, bool passes)
    {
        var checks = GateJudge.Judge(new(), QuantizationMethod.Static, Measured(speed: new(ratio, low, high, 9, 1, 1 / ratio)));
        Assert.Equal(passes, checks.Single(static check => check.Name == GateJudge.Speed).Passed);
        Assert.Equal(low < 1.05 && high >= 1.05, checks.Any(static check => check.Text.Contains("within the noise", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1.04, 0.9, 1.2, 1, 20, true)]
    [InlineData(1.04, 1.0, 1.05, 1, 20, true)]
    [InlineData(1.02, 1.0, 1.04, 1, 20, false)] // clear
    [InlineData(1.06, 1.0, 1.2, 1, 20, false)] // passed
    [InlineData(1.04, 0.9, 1.2, 1, 10, false)] // failed for its noise too
    [InlineData(1.04, 0.9, 1.2, 0.98, 20, false)] // failed for its agreement too
    public void IsCloseCall_OnlySpeedFailedWithinTheNoise_IsOne(double ratio, double low, double high, double agreement, double snr, bool expected)
    {
        var measurement = Measured(agreement, snr, speed: new(ratio, low, high, 9, 1, 1 / ratio));
        Assert.Equal(expected, CandidateOf(measurement).IsCloseCall(new()));
    }

    [Theory]
    [InlineData(1.15, true)]
    [InlineData(1.25, false)]
    public void IsCloseCall_RewritesAreFaster_ByLessThanTheNoise(double lowOfRewrites, bool expected)
    {
        var measurement = Measured(speed: new(1.1, 1.0, 1.2, 9, 1, 1 / 1.1)) with { Rewritten = new(1.3, lowOfRewrites, 1.4, 9, 1, 1 / 1.3) };
        Assert.Equal(expected, CandidateOf(measurement).IsCloseCall(new()));
    }

    [Theory]
    [InlineData(QuantizationMethod.Static, 1.0, false)]
    [InlineData(QuantizationMethod.Dynamic, 1.0, false)]
    [InlineData(QuantizationMethod.NBits4, 1.0, false)]
    [InlineData(QuantizationMethod.NBits8, 1.06, true)]
    [InlineData(QuantizationMethod.Int8Storage, 1.0, true)]
    [InlineData(QuantizationMethod.Fp16Storage, 0.97, true)]
    [InlineData(QuantizationMethod.Int8Storage, 0.96, false)]
    [InlineData(QuantizationMethod.None, 0.96, false)]
    public void Judge_Speed_IsAskedAsTheMethodPromises(QuantizationMethod method, double ratio, bool passes) =>
        Assert.Equal(passes, GateJudge.Judge(new(), method, Measured(speed: new(ratio, ratio, ratio, 9, 1, 1))).All(static check => check.Passed));

    [Theory]
    [InlineData(0.99, 20, true)]
    [InlineData(0.989, 20, false)]
    [InlineData(1, 19.9, false)]
    [InlineData(0.5, 10, false)]
    public void Judge_Answers_NeedAgreementAndLittleNoise(double agreement, double snr, bool passes) =>
        Assert.Equal(passes, GateJudge.Judge(new(), QuantizationMethod.Static, Measured(agreement, snr)).All(static check => check.Passed));

    [Theory]
    [InlineData(null, null, 0.1, 1.0, true)]
    [InlineData(0.99, null, 0.1, 1.0, false)]
    [InlineData(null, 20.0, 1.0, 1.0, false)]
    public void Judge_WhatIsNotAsked_DoesNotMatter(double? minAgreement, double? minSnr, double agreement, double snr, bool passes)
    {
        var gate = new QuantizationGate { MinAgreement = minAgreement, MinSnrDb = minSnr };
        Assert.Equal(passes, GateJudge.Judge(gate, QuantizationMethod.Static, Measured(agreement, snr)).All(static check => check.Passed));
    }

    [Fact]
    public void Judge_MadeUpInputs_DoNotTellAgreement() =>
        Assert.DoesNotContain(GateJudge.Judge(new(), QuantizationMethod.Static, Measured(0.1) with { IsMadeUp = true }), static check => !check.Passed);

    [Theory]
    [InlineData(0.90, true)]
    [InlineData(0.89, true)]
    [InlineData(0.88, false)]
    public void Judge_Metric_MayLoseALittle(double metric, bool passes)
    {
        var gate = new QuantizationGate { Evaluate = static (_, _) => new(0), MaxLoss = 0.015 };
        var checks = GateJudge.Judge(gate, QuantizationMethod.Static, Measured() with { SourceMetric = 0.9, Metric = metric });
        Assert.Equal(passes, checks.Single(static check => check.Name == GateJudge.Metric).Passed);
    }

    [Theory]
    [InlineData(1.6, false)]
    [InlineData(1.4, true)]
    public void Judge_ExactRewritesThatAreFaster_AreBetterThanIntegers(double rewritten, bool passes)
    {
        var measurement = Measured(speed: new(1.5, 1.5, 1.5, 9, 1, 1)) with { Rewritten = new(rewritten, rewritten, rewritten, 9, 1, 1) };
        Assert.Equal(passes, GateJudge.Judge(new(), QuantizationMethod.Static, measurement).All(static check => check.Passed));
        Assert.True(GateJudge.Judge(new(), QuantizationMethod.Int8Storage, measurement).All(static check => check.Passed));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public void Judge_WhatIsNotFiniteOrOtherwiseShaped_NeverPasses(long notFinite, int otherShapes)
    {
        var output = new OutputComparison { Name = "y", ElementType = "float", Rank = 2, Values = 10, NotFinite = notFinite, OtherShapes = otherShapes };
        var measurement = Measured() with { Comparison = new([output], 1) };
        Assert.Contains(GateJudge.Judge(new() { MinAgreement = null, MinSnrDb = null }, QuantizationMethod.Static, measurement), static check => !check.Passed);
        Assert.Equal(double.NegativeInfinity, measurement.Comparison.WorstSnrDb);
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void AsksAgreement_ByDefault_OfTablesOfClasses(int rank, bool asks)
    {
        var output = new OutputComparison { Name = "y", ElementType = "float", Rank = rank, SnrDb = 30, Agreement = 0.5 };
        Assert.Equal(asks, GateJudge.AsksAgreement(new(), output));
        Assert.True(GateJudge.AsksAgreement(new() { AgreementOutputs = ["y"] }, output));
        Assert.False(GateJudge.AsksAgreement(new() { AgreementOutputs = [] }, output));
        Assert.True(GateJudge.AsksAgreement(new(), output with { SnrDb = null }));
        Assert.False(GateJudge.AsksAgreement(new(), output with { Agreement = null }));
    }

    [Theory]
    [InlineData(QuantizationMethod.Int8Storage, 400, false)]
    [InlineData(QuantizationMethod.Int8Storage, 399, true)]
    [InlineData(QuantizationMethod.Static, 401, true)]
    public void Judge_SmallerStorage_HasToBeSmaller(QuantizationMethod method, long bytes, bool passes) =>
        Assert.Equal(passes, GateJudge.Judge(new(), method, Measured() with { Bytes = bytes }).All(static check => check.Passed));

    private static Candidate CandidateOf(Measurement measurement) => new()
    {
        Plan = new() { SourceDigest = "", Method = QuantizationMethod.Static, Target = CpuTarget.X86Vnni },
        Description = "all nodes",
        Measurement = measurement,
        Checks = GateJudge.Judge(new(), QuantizationMethod.Static, measurement),
    };

    private static Measurement Measured(double agreement = 1, double snr = 40, SpeedEstimate? speed = null) => new()
    {
        Comparison = new([new() { Name = "y", ElementType = "float", Rank = 2, Values = 100, SnrDb = snr, Agreement = agreement, Compared = 10 }], 10),
        Speed = speed ?? new(2, 1.9, 2.1, 9, 1, 0.5),
        Bytes = 100,
        SourceBytes = 400,
    };
}
