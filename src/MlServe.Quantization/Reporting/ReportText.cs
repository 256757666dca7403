using System.Globalization;
using System.Text;

namespace MlServe.Quantization.Reporting;

/// <summary>A report as text: at most 40 lines of at most 120 characters.</summary>
internal static class ReportText
{
    private const int MaxLines = 40;
    private const int Width = 120;
    private const int Label = 12;

    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    public static string Of(QuantizationReport report)
    {
        var lines = new List<string>();
        Add(lines, "source", string.Create(Invariant, $"{report.Source} ({Bytes(report.SourceBytes)})"));
        Add(lines, "written", string.Create(Invariant, $"{report.Destination} ({Bytes(report.Bytes)}, {(double)report.Bytes / report.SourceBytes:F3} of the source)"));
        Add(lines, "method", $"{report.Method} ({report.Plan.Format}, {report.Plan.Target}): {report.MethodReason}");
        if (report.FallbackReason is { } reason) Add(lines, "fallback", reason);
        var verdict = report.Passed switch { null => "not measured", true => "passed", false => "not passed" };
        Add(lines, "gate", verdict);
        foreach (var check in report.Checks.OrderBy(static check => check.Passed).Take(8))
            Add(lines, "", $"{(check.Passed ? "ok  " : "FAIL")} {check.Text}");
        if (report.Speed is { } speed) Add(lines, "speed", Speed(speed, report.SpeedRows));
        if (report.RewrittenSpeed is { } rewritten) Add(lines, "", $"FP32 with exact rewrites: {Ratio(rewritten)}");
        foreach (var output in report.Outputs.OrderBy(static output => output.SnrDb ?? double.PositiveInfinity).Take(4))
            Add(lines, output == report.Outputs.MinBy(static o => o.SnrDb ?? double.PositiveInfinity) ? "outputs" : "", Output(output));
        if (report.Outputs.Count > 4) Add(lines, "", string.Create(Invariant, $"... and {report.Outputs.Count - 4} more outputs, no worse"));
        if (report.SourceMetric is { } before && report.Metric is { } after) Add(lines, "metric", string.Create(Invariant, $"{after:G5}, source {before:G5}"));
        Operators(lines, report);
        if (report.FusedOperators.Count > 0)
            Add(lines, "runtime", string.Join(", ", report.FusedOperators.OrderByDescending(static pair => pair.Value).ThenBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => $"{pair.Key} {pair.Value}")), 2);
        Add(lines, "samples", string.Create(Invariant, $"{report.CalibrationSamples} calibrated on, {report.ComparedSamples} compared on, {report.Plan.Ranges.Count} ranges"));
        Search(lines, report);
        foreach (var note in report.Notes)
            Add(lines, "note", note);
        if (report.IsBatchDependent) Add(lines, "note", "A row's answer depends on its neighbours in the batch: ranges are taken over each run.");
        var machine = report.Machine;
        Add(lines, "machine", string.Create(Invariant, $"{machine.Processor}, {machine.Target}, {machine.Threads} of {machine.Cores} threads, ONNX Runtime {machine.RuntimeVersion}"));
        return string.Join(Environment.NewLine, lines.Count <= MaxLines ? lines : [.. lines.Take(MaxLines - 1), "..."]);
    }

    public static string Decibels(double value) =>
        double.IsPositiveInfinity(value) ? "equal" : double.IsNegativeInfinity(value) ? "all lost" : string.Create(Invariant, $"{value:F1} dB");

    public static string Ratio(SpeedEstimate speed) => string.Create(Invariant, $"{speed.Ratio:F2}x ({speed.Low:F2} to {speed.High:F2})");

    public static string Share(double share) => string.Create(Invariant, $"{share * 100:0.##} %");

    public static string Shorten(string text, int length) => text.Length <= length ? text : string.Concat(text.AsSpan(0, length - 3), "...");

    private static string Speed(SpeedEstimate speed, int rows) => string.Create(
        Invariant, $"{Ratio(speed)}, {speed.SourceMilliseconds:G3} ms to {speed.ModelMilliseconds:G3} ms for {rows} row{(rows == 1 ? "" : "s")}, {speed.Pairs} pairs");

    private static string Output(OutputComparison output)
    {
        var text = new StringBuilder(Shorten(output.Name, 40)).Append(": ");
        List<string> parts = [];
        if (output.SnrDb is { } snr) parts.Add(Decibels(snr));
        if (output.Cosine is { } cosine) parts.Add(string.Create(Invariant, $"cosine {cosine:F5}"));
        if (output.Agreement is { } share) parts.Add(string.Create(Invariant, $"{(output.SnrDb is null ? "equal in" : "same greatest in")} {Share(share)} of {output.Compared}"));
        if (output.MaxDifference is { } difference) parts.Add(string.Create(Invariant, $"largest difference {difference:G3}"));
        if (output.NotFinite > 0) parts.Add(string.Create(Invariant, $"{output.NotFinite} not finite"));
        if (parts.Count == 0) parts.Add("not compared");
        return text.AppendJoin(", ", parts).ToString();
    }

    private static void Operators(List<string> lines, QuantizationReport report)
    {
        var label = "nodes";
        foreach (var group in report.Nodes.GroupBy(static node => node.OpType, StringComparer.Ordinal).OrderByDescending(static group => group.Count(static node => node.IsQuantized)).ThenBy(static group => group.Key, StringComparer.Ordinal).Take(6))
        {
            var skipped = group.Where(static node => !node.IsQuantized).GroupBy(static node => node.Reason, StringComparer.Ordinal).OrderByDescending(static reason => reason.Count()).ToArray();
            var text = string.Create(Invariant, $"{group.Key}: {group.Count(static node => node.IsQuantized)} of {group.Count()} quantized");
            if (skipped.Length > 0) text += string.Create(Invariant, $"; {skipped[0].Count()} not: {skipped[0].Key}");
            Add(lines, label, text, 1);
            label = "";
        }
    }

    private static void Search(List<string> lines, QuantizationReport report)
    {
        if (report.SearchSteps.Count <= 1) return;
        var label = "search";
        foreach (var step in report.SearchSteps.TakeLast(8))
        {
            var speed = step.Speed is { } measured ? string.Create(Invariant, $"{measured.Ratio:F2}x") : "-";
            var agreement = step.Agreement is { } share ? Share(share) : "-";
            var snr = step.SnrDb is { } decibels ? Decibels(decibels) : "-";
            Add(lines, label, string.Create(Invariant, $"{(step.Passed ? "ok  " : "FAIL")} {Shorten(step.Description, 44),-44} {step.QuantizedNodes,4} nodes {speed,7} {agreement,8} {snr,9}"), 1);
            label = "";
        }
    }

    private static void Add(List<string> lines, string label, string text, int maxLines = 3)
    {
        text = string.Concat(text.Select(static character => char.IsControl(character) ? ' ' : character));
        var rest = text.AsSpan();
        for (var line = 0; line < maxLines && (line == 0 || rest.Length > 0); line++)
        {
            var room = Width - Label;
            var take = rest.Length;
            if (take > room)
            {
                var space = rest[..room].LastIndexOf(' ');
                take = line == maxLines - 1 || space < room / 2 ? room : space;
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
