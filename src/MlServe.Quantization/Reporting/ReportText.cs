using System.Globalization;
using System.Text;

namespace MlServe.Quantization.Reporting;

/// <summary>A report as text: lines of at most 120 characters. A longer text goes on in the next line, and nothing is cut off.</summary>
internal static class ReportText
{
    private const int Width = 120;
    private const int Label = 12;

    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public static string Of(QuantizationReport report)
    {
        var lines = new List<string>();
        Add(lines, "result", Result(report));
        Add(lines, "source", string.Create(Invariant, $"{report.Source} ({Bytes(report.SourceBytes)})"));
        Add(lines, "written", string.Create(
            Invariant, $"{report.Destination} ({Bytes(report.Bytes)}, {(double)report.Bytes / report.SourceBytes:F3} of the source)"));
        Add(lines, "method", $"{report.Method} ({report.Plan.Format}, {report.Plan.Target}): {report.MethodReason}");
        if (report.FallbackReason is { } reason) Add(lines, "fallback", reason);
        Add(lines, "gate", report.Passed switch { null => "not measured", true => "passed", false => "not passed" });
        foreach (var check in report.Checks.OrderBy(static check => check.Passed))
            Add(lines, "", $"{Mark(check.Outcome)} {check.Text}");
        if (report.Speed is { } speed) Add(lines, "speed", Speed(speed, report.SpeedRows));
        if (report.RewrittenSpeed is { } rewritten)
            Add(lines, "", "FP32 with exact rewrites: "
                + $"{Ratio(rewritten)}{(report.AgainstRewrittenSpeed is { } against ? $"; this against it: {Ratio(against)}" : "")}");
        if (Operations(report) is { } operations) Add(lines, "", operations);
        var label = "outputs";
        foreach (var output in report.Outputs)
        {
            Add(lines, label, Output(output));
            label = "";
        }

        if (report.SourceMetric is { } before && report.Metric is { } after)
            Add(lines, "metric", string.Create(Invariant, $"{after:G5}, source {before:G5}"));
        Operators(lines, report);
        if (report.FusedOperators.Count > 0)
            Add(lines, "runtime", string.Join(
                ", ",
                report.FusedOperators.OrderByDescending(static pair => pair.Value)
                    .ThenBy(static pair => pair.Key, StringComparer.Ordinal)
                    .Select(static pair => $"{pair.Key} {pair.Value}")));
        Add(lines, "samples", string.Create(
            Invariant,
            $"{report.CalibrationSamples} calibrated on, {report.ComparedSamples} compared on and used for no choice, "
                + $"{report.Plan.Ranges.Count} ranges"));
        Search(lines, report);
        foreach (var note in report.Notes)
            Add(lines, "note", note);
        if (report.IsBatchDependent)
            Add(lines, "note", "A row's answer depends on its neighbours in the batch: ranges are taken over each run.");
        var machine = report.Machine;
        Add(lines, "machine", string.Create(
            Invariant,
            $"{machine.Processor}, {machine.Target}, {machine.Threads} of {machine.Cores} threads, ONNX Runtime "
                + $"{machine.RuntimeVersion}{Peak(machine)}"));
        return string.Join(Environment.NewLine, lines);
    }

    public static string Decibels(double value) =>
        double.IsPositiveInfinity(value) ? "equal"
            : double.IsNegativeInfinity(value) ? "all lost"
            : string.Create(Invariant, $"{value:F1} dB");

    public static string Ratio(SpeedEstimate speed) => string.Create(Invariant, $"{speed.Ratio:F2}x ({speed.Low:F2} to {speed.High:F2})");

    public static string Share(double share) => string.Create(Invariant, $"{share * 100:0.##} %");

    public static string Mark(CheckOutcome outcome) =>
        outcome switch { CheckOutcome.Held => "ok  ", CheckOutcome.NotHeld => "FAIL", _ => "?   " };

    private static string Result(QuantizationReport report)
    {
        var speed = report.Speed is { } measured ? $", {Ratio(measured)} as fast" : "";
        var size = string.Create(Invariant, $"{(double)report.Bytes / report.SourceBytes:F2} of the size");
        return report.Method switch
        {
            QuantizationMethod.None when report is { Plan.KeepsOriginal: true, EndOfTime: { } end } =>
                $"NOT QUANTIZED: {end}. The source was written as it is",
            QuantizationMethod.None when report.EndOfTime is { } end =>
                $"NOT QUANTIZED: {end}. Written: FP32 with exact rewrites{speed}, {size}",
            QuantizationMethod.None when report.Plan.KeepsOriginal =>
                "NOT QUANTIZED: nothing that was tried is better than the source, which was written as it is",
            QuantizationMethod.None => $"NOT QUANTIZED: FP32 with exact rewrites{speed}, {size}",
            QuantizationMethod.Fp16Storage => $"NOT INT8: weights of 16-bit floats in the file, FP32 when it runs{speed}, {size}",
            QuantizationMethod.Int8Storage => $"{Cost(report.Speed)}weights of 8 bits in the file, FP32 when it runs{speed}, {size}",
            _ =>
                string.Create(
                    Invariant, $"{report.Method}: {report.Nodes.Count(static node => node.IsQuantized)} nodes on integers{speed}, {size}"),
        };
    }

    /// <summary>The cost in speed of a smaller file if the gate lets it be slower.</summary>
    private static string Cost(SpeedEstimate? speed) =>
        speed is { Low: < 1 and var low }
            ? string.Create(
                Invariant, $"SMALLER, UP TO {Math.Max(1, Math.Ceiling(Math.Round((1 - low) * 100, 6)))} % SLOWER, as the gate allows: ")
            : "";

    private static string Speed(SpeedEstimate speed, int rows)
    {
        var clock = speed.Clock == SpeedClock.ThreadTime ? "of the thread" : "on the wall";
        var busy = speed.Clock == SpeedClock.ThreadTime && speed.Running < 0.9
            ? string.Create(Invariant, $"; the machine was busy: it ran {speed.Running:P0} of the time")
            : "";
        return string.Create(
            Invariant,
            $"{Ratio(speed)}, {speed.SourceMilliseconds:G3} ms to {speed.ModelMilliseconds:G3} ms {clock} for {rows} "
                + $"row{(rows == 1 ? "" : "s")}, {speed.Pairs} pairs{busy}");
    }

    /// <summary>How much it computes, and how near that is to the most that the core can do; null if it could not be counted.</summary>
    private static string? Operations(QuantizationReport report)
    {
        if (report.Operations is not (> 0 and var count)) return null;
        var text = count switch
        {
            < 1_000_000 => string.Create(Invariant, $"{count:N0} operations a run"),
            < 1_000_000_000 => string.Create(Invariant, $"{count / 1e6:0.##} M operations a run"),
            _ => string.Create(Invariant, $"{count / 1e9:0.##} G operations a run"),
        };
        if (report.PeakShare is not { } share) return text;
        var source = report.SourcePeakShare is not { } before ? ""
            : string.Create(Invariant, $", the source {before:F2}{(report.ComputesOnIntegers ? " of its FP32 peak" : "")}");
        return string.Create(
            Invariant, $"{text}: {share:F2} of the core's {(report.ComputesOnIntegers ? "integer" : "FP32")} peak{source}");
    }

    private static string Output(OutputComparison output)
    {
        List<string> parts = [];
        var isVector = output.Metric is OutputMetric.Embedding or OutputMetric.FirstToken;
        if (output.Agreement is { } share)
        {
            var what = output.SnrDb is null ? "equal in" : isVector ? "same nearest neighbour in" : "same greatest in";
            parts.Add(string.Create(Invariant, $"{what} {Share(share)} of {output.Compared} (at least {Share(output.AgreementLow ?? 0)})"));
        }

        if (output.TopAgreement is { } top) parts.Add($"{Share(top)} of the best five");
        if (output.RankCorrelation is { } ranks) parts.Add(string.Create(Invariant, $"ranks correlate by {ranks:F4}"));
        if (output.SnrDb is { } snr)
            parts.Add($"{Decibels(snr)}{(output.SnrLowDb is { } low && double.IsFinite(low) ? $" (at least {Decibels(low)})" : "")}");
        if (output.Cosine is { } cosine)
            parts.Add(string.Create(
                Invariant, $"cosine {cosine:F5}{(output.LeastRowCosine is { } least ? $" (least of a row {least:F4})" : "")}"));
        if (output.MaxDifference is { } difference) parts.Add(string.Create(Invariant, $"largest difference {difference:G3}"));
        if (output.NotFinite > 0) parts.Add(string.Create(Invariant, $"{output.NotFinite} not finite"));
        if (output.IsDead) parts.Add("zero on all samples");
        if (parts.Count == 0) parts.Add("not compared");
        return $"{output.Name}: by {output.Metric.ToString().ToLowerInvariant()} ({output.MetricReason}): {string.Join(", ", parts)}";
    }

    private static void Operators(List<string> lines, QuantizationReport report)
    {
        var label = "nodes";
        foreach (var group in report.Nodes.GroupBy(static node => node.OpType, StringComparer.Ordinal)
            .OrderByDescending(static group => group.Count(static node => node.IsQuantized))
            .ThenBy(static group => group.Key, StringComparer.Ordinal))
        {
            var skipped = group.Where(static node => !node.IsQuantized)
                .GroupBy(static node => node.Reason, StringComparer.Ordinal)
                .OrderByDescending(static reason => reason.Count()).ToArray();
            var text = string.Create(
                Invariant, $"{group.Key}: {group.Count(static node => node.IsQuantized)} of {group.Count()} quantized");
            if (skipped.Length > 0)
            {
                var reasons = skipped.Take(3).Select(static reason => string.Create(Invariant, $"{reason.Count()} not: {reason.Key}"));
                text += $"; {string.Join("; ", reasons)}";
            }

            Add(lines, label, text);
            label = "";
        }
    }

    /// <summary>Every candidate: the curve of speed against nearness.</summary>
    private static void Search(List<string> lines, QuantizationReport report)
    {
        if (report.SearchSteps.Count <= 1) return;
        var label = "search";
        foreach (var step in report.SearchSteps)
        {
            var speed = step.Speed is { } measured ? Ratio(measured) : "not measured";
            List<string> parts = [string.Create(Invariant, $"{step.QuantizedNodes} nodes"), speed];
            if (step.Agreement is { } share) parts.Add(Share(share));
            if (step.RankCorrelation is { } ranks) parts.Add(string.Create(Invariant, $"ranks {ranks:F4}"));
            if (step.SnrDb is { } decibels) parts.Add(Decibels(decibels));
            Add(lines, label, string.Create(
                Invariant,
                $"{(step.Passed ? "ok  " : "FAIL")} {step.Description}: "
                    + $"{string.Join(", ", parts)}{(step.IsFinal ? ", on the rows kept for the last word" : "")}"));
            label = "";
        }
    }

    private static string Peak(MachineDescription machine) => machine.IntegerPeak is { } integers && machine.FloatPeak is { } floats
        ? string.Create(Invariant, $"; a core's peak: {integers:F0} GOP/s of 8-bit integers, {floats:F0} GFLOP/s of FP32")
        : "";

    private static void Add(List<string> lines, string label, string text)
    {
        text = string.Concat(text.Select(static character => char.IsControl(character) ? ' ' : character));
        var rest = text.AsSpan();
        for (var line = 0; line == 0 || rest.Length > 0; line++)
        {
            const int Room = Width - Label;
            var take = rest.Length;
            if (take > Room)
            {
                var space = rest[..Room].LastIndexOf(' ');
                take = space < Room / 2 ? Room : space;
            }

            lines.Add(string.Concat((line == 0 ? label : "").PadRight(Label), rest[..take]).TrimEnd());
            rest = rest[take..].TrimStart();
        }
    }

    private static string Bytes(long bytes) => bytes switch
    {
        < 10_000 => string.Create(Invariant, $"{bytes} bytes"),
        < 10_000_000 => string.Create(Invariant, $"{bytes / 1e3:F0} kB"),
        _ => string.Create(Invariant, $"{bytes / 1e6:F1} MB"),
    };
}
