using Xunit;

namespace MlServe.Quantization.Evaluation;

public class GateJudgeTests
{
    [Theory]
    [InlineData(1.5, 1.4, 1.6, CheckOutcome.Held)]
    [InlineData(1.06, 1.05, 1.2, CheckOutcome.Held)]
    [InlineData(0.6, 0.5, 0.7, CheckOutcome.NotHeld)]
    // The interval holds the threshold: it cannot be told.
    [InlineData(1.2, 1.04, 1.4, CheckOutcome.NotMade)]
    [InlineData(1.04, 1.0, 1.05, CheckOutcome.NotMade)]
    public void Judge_Speed_IsThatOfTheLowerEnd(double ratio, double low, double high, CheckOutcome expected)
    {
        var check = GateJudge.Judge(new(), QuantizationMethod.Static, Measured(speed: new(ratio, low, high, 9, 1, 1 / ratio)))
            .Single(static check => check.Name == GateJudge.Speed);
        Assert.Equal(expected, check.Outcome);
        Assert.Equal(expected == CheckOutcome.Held, check.Passed);
        Assert.Equal(expected == CheckOutcome.NotMade, check.Text.Contains("undecided", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0.4, SpeedClock.ThreadTime, true)]
    [InlineData(0.95, SpeedClock.ThreadTime, false)]
    [InlineData(1, SpeedClock.WallClock, true)]
    public void Judge_SpeedOnABusyMachine_SaysSo(double running, SpeedClock clock, bool isBusy)
    {
        var speed = new SpeedEstimate(1.1, 1, 1.2, 9, 1, 1) { Running = running, Clock = clock };
        Assert.Equal(
            isBusy,
            GateJudge.Judge(new(), QuantizationMethod.Static, Measured(speed: speed))
                .Any(static check => check.Text.Contains("machine was busy", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1.04, 0.9, 1.2, 1, 20, true)]
    [InlineData(1.2, 1.0, 1.4, 1, 20, true)]
    [InlineData(1.02, 1.0, 1.04, 1, 20, false)] // clear
    [InlineData(1.3, 1.1, 1.4, 1, 20, false)] // passed
    [InlineData(1.04, 0.9, 1.2, 1, 10, false)] // failed for its noise too
    [InlineData(1.04, 0.9, 1.2, 0.96, 20, false)] // failed for its agreement too
    public void IsCloseCall_OnlySpeedIsUndecided_IsOne(
        double ratio, double low, double high, double agreement, double snr, bool expected) =>
        Assert.Equal(expected, CandidateOf(Measured(agreement, snr, speed: new(ratio, low, high, 9, 1, 1 / ratio))).IsCloseCall);

    [Theory]
    [InlineData(1.6, 7, 0.4, 8, true)] // nearer by little, and leaving out nodes would not make it fast
    [InlineData(1.6, 7, 1.5, 8, false)]
    [InlineData(0.5, 7, 0.4, 8, false)]
    [InlineData(1.6, 40, 1.9, 41, false)] // both answer as they should: the faster
    [InlineData(0.6, 40, 1.9, 7, true)]
    public void IsBetterStartThan_Another_IsByAnswersThenSpeedThenNearness(
        double ratio, double snr, double otherRatio, double otherSnr, bool expected) =>
        Assert.Equal(
            expected,
            CandidateOf(Measured(1, snr, speed: Exactly(ratio)))
                .IsBetterStartThan(CandidateOf(Measured(1, otherSnr, speed: Exactly(otherRatio)))));

    [Theory]
    [InlineData(1.15, true)]
    [InlineData(1.25, false)]
    public void IsCloseCall_RewritesAreFaster_ByLessThanTheNoise(double lowOfRewrites, bool expected)
    {
        var measurement = Measured(speed: new(1.1, 1.06, 1.2, 9, 1, 1 / 1.1)) with
        {
            Rewritten = new(1.3, lowOfRewrites, 1.4, 9, 1, 1 / 1.3),
        };
        Assert.Equal(expected, CandidateOf(measurement).IsCloseCall);
    }

    [Theory]
    [InlineData(QuantizationMethod.Static, 1.0, false)]
    [InlineData(QuantizationMethod.Dynamic, 1.0, false)]
    [InlineData(QuantizationMethod.NBits4, 1.0, false)]
    [InlineData(QuantizationMethod.NBits8, 1.06, true)]
    [InlineData(QuantizationMethod.Int8Storage, 1.0, true)]
    [InlineData(QuantizationMethod.Fp16Storage, 0.97, true)]
    [InlineData(QuantizationMethod.Int8Storage, 0.96, false)]
    [InlineData(QuantizationMethod.None, 0.99, false)]
    [InlineData(QuantizationMethod.None, 1.0, true)]
    public void Judge_Speed_IsAskedAsTheMethodPromises(QuantizationMethod method, double ratio, bool passes) =>
        Assert.Equal(
            passes, GateJudge.Judge(new(), method, Measured(speed: new(ratio, ratio, ratio, 9, 1, 1))).All(static check => check.Passed));

    [Theory]
    [InlineData(QuantizationMethod.Int8Storage, 0.97, 1.02, CheckOutcome.NotMade)]
    [InlineData(QuantizationMethod.Int8Storage, 1.0, 1.02, CheckOutcome.Held)]
    [InlineData(QuantizationMethod.Fp16Storage, 0.97, 0.99, CheckOutcome.NotHeld)]
    public void Judge_SizeWasNotAskedFor_HasToBeAsFast(QuantizationMethod method, double low, double high, CheckOutcome expected)
    {
        var measurement = Measured(speed: new((low + high) / 2, low, high, 9, 1, 1));
        Assert.Equal(
            expected,
            GateJudge.Judge(new() { IsSizeAsked = false }, method, measurement).Single(static check =>
                check.Name == GateJudge.Speed).Outcome);
        Assert.Equal(
            CheckOutcome.Held, GateJudge.Judge(new(), method, measurement).Single(static check => check.Name == GateJudge.Speed).Outcome);
        Assert.True(GateJudge.Judge(new() { IsSizeAsked = false, MinSpeed = 0 }, method, measurement).All(static check => check.Passed));
    }

    [Theory]
    [InlineData(null, GateFailureAction.ExcludeNodes, false)]
    [InlineData(null, GateFailureAction.Throw, false)]
    [InlineData(QuantizationMethod.Static, GateFailureAction.ExcludeNodes, false)]
    [InlineData(null, GateFailureAction.Smaller, true)]
    [InlineData(null, GateFailureAction.Int8Storage, true)]
    [InlineData(QuantizationMethod.Int8Storage, GateFailureAction.ExcludeNodes, true)]
    [InlineData(QuantizationMethod.Fp16Storage, GateFailureAction.Throw, true)]
    public void IsSizeAsked_OnlyByName_IsTrue(QuantizationMethod? method, GateFailureAction action, bool expected) =>
        Assert.Equal(expected, new QuantizationOptions { Method = method, OnGateFailure = action }.IsSizeAsked);

    [Theory]
    [InlineData(0.97, 20, true)]
    [InlineData(0.969, 20, false)]
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
        Assert.DoesNotContain(
            GateJudge.Judge(new(), QuantizationMethod.Static, Measured(0.1) with { IsMadeUp = true }), static check => !check.Passed);

    [Theory]
    [InlineData(OutputMetric.None, false, false)] // a sequence, say
    [InlineData(OutputMetric.Equal, true, false)] // labels on made-up inputs
    [InlineData(OutputMetric.Equal, false, true)]
    [InlineData(OutputMetric.Classes, true, true)]
    public void Judge_NoOutputCanBeCompared_IsNotPassed(OutputMetric metric, bool isMadeUp, bool passes)
    {
        var measurement = Measured();
        measurement = measurement with
        {
            IsMadeUp = isMadeUp,
            Comparison = new([measurement.Comparison.Outputs[0] with { Metric = metric }], 10),
        };
        var checks = GateJudge.Judge(new(), QuantizationMethod.Static, measurement);
        Assert.Equal(passes, checks.All(static check => check.Passed));
        Assert.Equal(
            passes ? [] : [CheckOutcome.NotMade],
            checks.Where(static check => check.Name == GateJudge.Answers).Select(static check => check.Outcome));

        // What the user says is not judged needs no evidence, and neither does what has a measure of its own, or is held against the source
        // by its parts.
        var stated = new QuantizationGate
        {
            MinAgreement = null,
            Metrics = new Dictionary<string, OutputMetric> { ["y"] = OutputMetric.None },
        };
        Assert.DoesNotContain(
            GateJudge.Judge(stated, QuantizationMethod.Static, measurement), static check => check.Name == GateJudge.Answers);
        Assert.DoesNotContain(
            GateJudge.Judge(new() { Evaluate = static (_, _) => new(0) }, QuantizationMethod.Static, measurement),
            static check => check.Name == GateJudge.Answers);
        Assert.DoesNotContain(
            GateJudge.Judge(new(), QuantizationMethod.None, measurement), static check => check.Name == GateJudge.Answers);
    }

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
    [InlineData(1.1, 1.01, 1.2, CheckOutcome.Held)]
    [InlineData(1.1, 0.99, 1.2, CheckOutcome.NotMade)]
    [InlineData(0.9, 0.8, 0.99, CheckOutcome.NotHeld)]
    public void Judge_AgainstRewrites_IsByTheirPairs(double ratio, double low, double high, CheckOutcome expected)
    {
        var measurement = Measured() with { Rewritten = new(1, 1, 1, 9, 1, 1), AgainstRewritten = new(ratio, low, high, 9, 1, 1) };
        Assert.Equal(
            expected,
            GateJudge.Judge(new(), QuantizationMethod.Static, measurement).Single(static check =>
                check.Name == GateJudge.Rewrites).Outcome);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public void Judge_WhatIsNotFiniteOrOtherwiseShaped_NeverPasses(long notFinite, int otherShapes)
    {
        var output = new OutputComparison
        {
            Name = "y",
            ElementType = "float",
            Metric = OutputMetric.Regression,
            Rank = 2,
            Values = 10,
            NotFinite = notFinite,
            OtherShapes = otherShapes,
        };
        var measurement = Measured() with { Comparison = new([output], 1) };
        Assert.Contains(
            GateJudge.Judge(new() { MinAgreement = null, MinSnrDb = null }, QuantizationMethod.Static, measurement),
            static check => !check.Passed);
        Assert.Equal(double.NegativeInfinity, measurement.Comparison.WorstSnrDb);
    }

    [Theory]
    [InlineData(QuantizationMethod.Int8Storage, 40_000, false)]
    [InlineData(QuantizationMethod.Int8Storage, 39_999, true)]
    [InlineData(QuantizationMethod.Static, 44_096, true)]
    [InlineData(QuantizationMethod.Static, 44_097, false)]
    [InlineData(QuantizationMethod.None, 90_000, false)]
    public void Judge_Size_HasABound(QuantizationMethod method, long bytes, bool passes)
    {
        var checks = GateJudge.Judge(new(), method, Measured() with { Bytes = bytes, SourceBytes = 40_000 });
        Assert.Equal(passes, checks.All(static check => check.Passed));
        Assert.Equal(!passes, checks.Any(static check => check.Name == GateJudge.Size));
        Assert.True(method == QuantizationMethod.Int8Storage
            || GateJudge.Judge(new() { MaxSize = null }, method, Measured() with { Bytes = bytes, SourceBytes = 40_000 })
                .All(static check => check.Passed));
    }

    private static SpeedEstimate Exactly(double ratio) => new(ratio, ratio, ratio, 9, 1, 1 / ratio);

    private static Candidate CandidateOf(Measurement measurement) => new()
    {
        Plan = new() { SourceDigest = "", Method = QuantizationMethod.Static, Target = CpuTarget.X86Vnni },
        Description = "all nodes",
        Measurement = measurement,
        Checks = GateJudge.Judge(new(), QuantizationMethod.Static, measurement),
    };

    private static Measurement Measured(double agreement = 1, double snr = 40, SpeedEstimate? speed = null) => new()
    {
        Comparison = new(
            [new()
            {
                Name = "y",
                ElementType = "float",
                Metric = OutputMetric.Classes,
                Rank = 2,
                Values = 100,
                Rows = 10,
                SnrDb = snr,
                Agreement = agreement,
                Compared = 10,
            }], 10),
        Speed = speed ?? new(2, 1.9, 2.1, 9, 1, 0.5),
        Bytes = 100,
        SourceBytes = 400,
    };
}
