using System.Globalization;
using Spectre.Console;

namespace MlServe.Benchmarks.Load;

/// <summary>Prints a report as a table, and its verdict.</summary>
internal static class ReportText
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public static void Print(LoadReport report, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["step", "due", "in time", "p50", "p99", "p99.9", "max", "late", "refused", "failed", "lost",
            "lag p99", "generator"])
            table.AddColumn(new TableColumn(column) { NoWrap = true, Alignment = column == "step" ? Justify.Left : Justify.Right });
        foreach (var step in report.Steps)
            table.AddRow([.. Cells(step).Select(static cell => new Text(cell))]);
        table.Caption("requests; times in ms from the moment a request was due; generator: share of a core");
        console.Write(table);

        foreach (var step in report.Steps.Where(step => step.UncorrectedP99Ms is { } sent && step.P99Ms is { } due && due > 1.1 * sent
            && due - sent > 0.01 * report.BoundMs))
            Line(console, $"{step.Name}: counted from the moment of sending, p99 would be {Number(step.UncorrectedP99Ms)} ms");
        if (report.Memory.Count > 0)
        {
            var (first, last) = (report.Memory[0], report.Memory[^1]);
            Line(
                console,
                $"memory: heap {Megabytes(first.Heap)} to {Megabytes(last.Heap)}, working set {Megabytes(first.WorkingSet)} to "
                    + $"{Megabytes(last.WorkingSet)}");
        }

        if (report.RecoverySeconds is { } seconds) Line(console, string.Create(Culture, $"recovery: {seconds:0.0} s"));
        foreach (var note in report.Notes)
            Line(console, note);
        if (report.LostIds.Count > 0)
            Line(console, $"lost: {string.Join(", ", report.LostIds.Take(10))}{(report.LostIds.Count > 10 ? ", …" : "")}");
        if (report.Metric is not null) Line(console, $"{report.Metric}: {Number(report.Value)}");
        Line(console, report.Verdict.ToString().ToUpperInvariant());
        if (report.Verdict == LoadVerdict.Cancelled) Line(console, "  partial results: the test was ended before it could say anything");
        foreach (var reason in report.Reasons)
            Line(console, $"  {reason}");
    }

    /// <summary>Three digits that count, as people write them.</summary>
    public static string Number(double? value) => value switch
    {
        null => "-",
        0 => "0",
        { } known when Math.Abs(known) >= 100 => known.ToString("#,0", Culture),
        { } known when Math.Abs(known) >= 10 => known.ToString("0.0", Culture),
        { } known when Math.Abs(known) >= 1 => known.ToString("0.00", Culture),
        { } known => known.ToString("0.000", Culture),
    };

    private static IEnumerable<string> Cells(StepReport step) =>
    [
        step.Name, step.Offered.ToString("n0", Culture),
        step.Offered == 0 ? "-" : string.Create(Culture, $"{Math.Floor(1e4 * (step.Offered - step.Missed) / step.Offered) / 100:0.00} %"),
        Number(step.P50Ms), Number(step.P99Ms), Number(step.P999Ms), Number(step.MaxMs),
        step.Late.ToString("n0", Culture), (step.Shed + step.Unsent).ToString("n0", Culture), step.Errors.ToString("n0", Culture),
        step.Lost.ToString("n0", Culture), $"{Number(step.LagP99Ms)}{(step.IsSpoiled ? "!" : "")}",
        string.Create(Culture, $"{step.GeneratorCpu:P0}"),
    ];

    private static string Megabytes(long bytes) => string.Create(Culture, $"{bytes / (1024.0 * 1024):0.0} MB");

    // Names of steps and messages of errors are not markup.
    private static void Line(IAnsiConsole console, string text) => console.WriteLine(text);
}
