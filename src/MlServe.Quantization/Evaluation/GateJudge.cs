using System.Globalization;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization.Evaluation;

/// <summary>Holds a measurement against the gate. The same measurement always gives the same verdict.</summary>
internal static class GateJudge
{
    public const string Speed = "speed";
    public const string Rewrites = "exact rewrites";
    public const string Metric = "metric";
    public const string Size = "size";
    public const string Answers = "answers";

    // What is written of how a file was made, and the nodes around integers, outweigh a tiny model.
    private const long FreeBytes = 4096;

    // Below it the processor was with others for much of the time, and caches with it.
    private const double Busy = 0.7;

    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Whether a method is there for its speed.</summary>
    public static bool IsForSpeed(QuantizationMethod method) =>
        method is QuantizationMethod.Static or QuantizationMethod.Dynamic or QuantizationMethod.NBits8 or QuantizationMethod.NBits4;

    /// <summary>The ratio to the source's speed that a method has to reach; 0: none. Rewrites alone are for nothing but speed.</summary>
    public static double SpeedThreshold(QuantizationGate gate, QuantizationMethod method) => method switch
    {
        _ when IsForSpeed(method) => gate.MinSpeedup > 0 ? Math.Max(gate.MinSpeedup, gate.MinSpeed) : gate.MinSpeed,
        _ when gate.MinSpeed > 0 && (method == QuantizationMethod.None || !gate.IsSizeAsked) => 1,
        _ => gate.MinSpeed,
    };

    /// <param name="gate">The gate that is asked.</param>
    /// <param name="method">Of which method.</param>
    /// <param name="measurement">The measurements.</param>
    public static IReadOnlyList<GateCheck> Judge(QuantizationGate gate, QuantizationMethod method, Measurement measurement)
    {
        var checks = new List<GateCheck>();
        foreach (var output in measurement.Comparison.Outputs)
            checks.AddRange(OutputJudge.Judge(gate, output, measurement.IsMadeUp, measurement.IsFinal));
        if (JudgeEvidence(gate, method, measurement) is { } evidence) checks.Add(evidence);
        if (measurement.Form is { } form && form.Outcome != CheckOutcome.Held)
            checks.Add(new("form", form.Outcome, $"run on other shapes and values: {form.Text}"));
        if (JudgeSpeed(SpeedThreshold(gate, method), measurement.Speed) is { } speed) checks.Add(speed);
        if (gate.MinSpeedup > 0 && IsForSpeed(method) && JudgeRewrites(measurement) is { } rewrites) checks.Add(rewrites);
        if (JudgeSize(gate, method, measurement) is { } size) checks.Add(size);
        if (gate.Evaluate is not null && measurement is { Metric: { } metric, SourceMetric: { } source })
        {
            var passed = metric >= source - gate.MaxLoss;
            checks.Add(new(Metric, passed ? CheckOutcome.Held : CheckOutcome.NotHeld,
                string.Create(Invariant, $"metric {metric:G6}, source {source:G6}, asked {source - gate.MaxLoss:G6} or more")));
        }

        return checks;
    }

    /// <summary>
    /// Whether speed that was found wanting may be found enough the next time: the interval reaches the speed that is asked.
    /// </summary>
    public static bool IsSpeedInDoubt(IReadOnlyList<GateCheck> checks) =>
        checks.Any(static check => check.Name is Speed or Rewrites && check.Outcome == CheckOutcome.NotMade)
        && !checks.Any(static check => check.Name is Speed or Rewrites && check.Outcome == CheckOutcome.NotHeld);

    /// <summary>
    /// Whether any answer can be held against the source's: sequences and maps cannot, nor labels on made-up inputs. Exact rewrites are
    /// held against it in another way, by parts, and a measure of the user's own sees more.
    /// </summary>
    private static GateCheck? JudgeEvidence(QuantizationGate gate, QuantizationMethod method, Measurement measurement)
    {
        if (method == QuantizationMethod.None || gate.Evaluate is not null || measurement.Comparison.Outputs.Count == 0) return null;
        return measurement.Comparison.Outputs.All(output => OutputJudge.IsOutOfReach(gate, output, measurement.IsMadeUp))
            ? new(Answers, CheckOutcome.NotMade, measurement.IsMadeUp
                ? "no answer was compared: the outputs are labels or no tensors, and inputs were made up. Give samples"
                : "no answer was compared: none of the outputs is a tensor. Give a measure of your own (Gate.Evaluate)")
            : null;
    }

    private static GateCheck? JudgeSpeed(double threshold, SpeedEstimate speed)
    {
        if (threshold <= 0) return null;
        var (outcome, doubt) = Judge(speed, threshold);
        return new(
            Speed, outcome, string.Create(Invariant, $"speed {ReportText.Ratio(speed)} of the source, asked {threshold:F2}x{doubt}"));
    }

    private static GateCheck? JudgeRewrites(Measurement measurement)
    {
        if (measurement.AgainstRewritten is { } against)
        {
            var (outcome, doubt) = Judge(against, 1);
            return new(
                Rewrites, outcome,
                string.Create(
                    Invariant, $"speed {ReportText.Ratio(against)} of FP32 with its exact rewrites, asked more than 1.00x{doubt}"));
        }

        if (measurement.Rewritten is not { } rewritten || rewritten.Ratio <= measurement.Speed.Ratio) return null;
        return new(Rewrites, rewritten.Low > measurement.Speed.High ? CheckOutcome.NotHeld : CheckOutcome.NotMade, string.Create(Invariant,
            $"FP32 with its exact rewrites is faster: {ReportText.Ratio(rewritten)} against {ReportText.Ratio(measurement.Speed)}"));
    }

    private static (CheckOutcome Outcome, string Doubt) Judge(SpeedEstimate speed, double threshold)
    {
        if (speed.Low >= threshold) return (CheckOutcome.Held, "");
        if (speed.High < threshold) return (CheckOutcome.NotHeld, "");
        return (CheckOutcome.NotMade, speed.Running < Busy || speed.Clock == SpeedClock.WallClock
            ? ": undecided, the machine was busy. Try again when it is not"
            : ": undecided, the interval reaches across it");
    }

    private static GateCheck? JudgeSize(QuantizationGate gate, QuantizationMethod method, Measurement measurement)
    {
        if (method is QuantizationMethod.Int8Storage or QuantizationMethod.Fp16Storage && measurement.Bytes >= measurement.SourceBytes)
            return new(
                Size, CheckOutcome.NotHeld,
                string.Create(Invariant, $"the file has {measurement.Bytes} bytes, and the source {measurement.SourceBytes}"));
        if (gate.MaxSize is not { } size || measurement.Bytes <= (measurement.SourceBytes * size) + FreeBytes) return null;
        return new(Size, CheckOutcome.NotHeld, string.Create(Invariant,
            $"the file has {(double)measurement.Bytes / measurement.SourceBytes:F2} of the source's size ({measurement.Bytes} bytes), "
                + $"asked {size:F2} at most"));
    }
}
