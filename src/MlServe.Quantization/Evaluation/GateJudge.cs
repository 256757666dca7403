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

    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Whether a method is there for its speed.</summary>
    public static bool IsForSpeed(QuantizationMethod method) =>
        method is QuantizationMethod.Static or QuantizationMethod.Dynamic or QuantizationMethod.NBits8 or QuantizationMethod.NBits4;

    /// <summary>The ratio to the source's speed that a method has to reach.</summary>
    public static double SpeedThreshold(QuantizationGate gate, QuantizationMethod method) =>
        IsForSpeed(method) ? Math.Max(gate.MinSpeedup, gate.MinSpeed) : gate.MinSpeed;

    /// <summary>Whether the gate asks agreement of an output.</summary>
    public static bool AsksAgreement(QuantizationGate gate, OutputComparison output)
    {
        if (output.Agreement is null) return false;
        if (gate.AgreementOutputs is { } named) return named.Contains(output.Name, StringComparer.Ordinal);
        return output.SnrDb is null || output.Rank == 2;
    }

    public static IReadOnlyList<GateCheck> Judge(QuantizationGate gate, QuantizationMethod method, Measurement measurement)
    {
        var checks = new List<GateCheck>();
        foreach (var output in measurement.Comparison.Outputs)
            checks.AddRange(JudgeOutput(gate, output, measurement.IsMadeUp));
        checks.Add(JudgeSpeed(SpeedThreshold(gate, method), measurement.Speed));
        if (gate.MinSpeedup > 0 && IsForSpeed(method) && measurement.Rewritten is { } rewritten && rewritten.Ratio > measurement.Speed.Ratio)
        {
            checks.Add(new(Rewrites, false, string.Create(Invariant,
                $"FP32 with its exact rewrites is faster: {ReportText.Ratio(rewritten)} against {ReportText.Ratio(measurement.Speed)}")));
        }

        if (method is QuantizationMethod.Int8Storage or QuantizationMethod.Fp16Storage && measurement.Bytes >= measurement.SourceBytes)
            checks.Add(new(Size, false, string.Create(Invariant, $"the file has {measurement.Bytes} bytes, and the source {measurement.SourceBytes}")));
        if (gate.Evaluate is not null && measurement is { Metric: { } metric, SourceMetric: { } source })
        {
            var passed = metric >= source - gate.MaxLoss;
            checks.Add(new(Metric, passed, string.Create(Invariant, $"metric {metric:G6}, source {source:G6}, asked {source - gate.MaxLoss:G6} or more")));
        }

        return checks;
    }

    /// <summary>Whether speed that was found wanting may be found enough the next time: the interval reaches what is asked.</summary>
    public static bool IsSpeedInDoubt(QuantizationGate gate, QuantizationMethod method, Measurement measurement) =>
        measurement.Speed.High >= SpeedThreshold(gate, method)
        && (gate.MinSpeedup <= 0 || !IsForSpeed(method) || measurement.Rewritten is not { } rewritten || measurement.Speed.High >= rewritten.Low);

    private static IEnumerable<GateCheck> JudgeOutput(QuantizationGate gate, OutputComparison output, bool isMadeUp)
    {
        if (output.OtherShapes > 0)
            yield return new($"shape of '{output.Name}'", false, string.Create(Invariant, $"'{output.Name}' has another shape than the source's for {output.OtherShapes} samples"));
        if (output.NotFinite > 0)
            yield return new($"finiteness of '{output.Name}'", false, string.Create(Invariant, $"'{output.Name}' has {output.NotFinite} values that are not finite where the source's are, or otherwise"));
        if (gate.MinSnrDb is { } minSnr && output.SnrDb is { } snr)
        {
            yield return new($"noise of '{output.Name}'", snr >= minSnr,
                string.Create(Invariant, $"'{output.Name}' has {ReportText.Decibels(snr)} of signal over noise, asked {minSnr:F1} dB"));
        }

        if (gate.MinAgreement is not { } minAgreement || isMadeUp || !AsksAgreement(gate, output)) yield break;
        yield return new($"agreement of '{output.Name}'", output.Agreement >= minAgreement,
            string.Create(Invariant, $"'{output.Name}' agrees in {ReportText.Share(output.Agreement!.Value)} of {output.Compared}, asked {ReportText.Share(minAgreement)}"));
    }

    /// <summary>Clear of the threshold is clear; where the interval holds it, the median decides, and the text says that it is within the noise.</summary>
    private static GateCheck JudgeSpeed(double threshold, SpeedEstimate speed)
    {
        var isWithinNoise = speed.Low < threshold && speed.High >= threshold;
        return new(Speed, speed.Ratio >= threshold,
            string.Create(Invariant, $"speed {ReportText.Ratio(speed)} of the source, asked {threshold:F2}x{(isWithinNoise ? ", which is within the noise" : "")}"));
    }
}
