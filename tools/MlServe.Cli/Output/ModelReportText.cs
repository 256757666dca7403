using System.Globalization;
using MlServe.Quantization;

namespace MlServe.Cli.Output;

/// <summary>Prints the findings about a model.</summary>
internal static class ModelReportText
{
    private const int MaxLines = 30;

    public static void Print(ModelReport report, bool withNodes)
    {
        void Row(string label, string text) => LabelledLines.Write(Console.Out, label, Clean(text));

        Row("file", string.Create(CultureInfo.InvariantCulture, $"{report.File}, {report.Bytes:N0} bytes, SHA-256 {report.Digest}"));
        Row("written by", $"{report.Producer}, IR version {report.IrVersion}, opsets "
            + $"{string.Join(", ", report.Opsets.Select(static opset => $"{opset.Key} {opset.Value}"))}");
        foreach (var property in report.Metadata.Take(MaxLines))
            Row("metadata", $"{property.Key} = {property.Value}");
        Values(Row, "input", report.Inputs);
        Values(Row, "output", report.Outputs);
        if (report.Loaded is { Problem: { } problem })
        {
            Row("loaded", $"not: {problem}");
        }
        else if (report.Loaded is { } loaded)
        {
            Row("signature", loaded.Signature);
            Row("batch axis", loaded.IsBatchable
                ? string.Join(", ", loaded.BatchAxes.Select(static axis => $"{axis.Value} of '{axis.Key}'"))
                : "none");
            Row("", loaded.BatchingNote);
            if (!loaded.RowsAreIndependent) Row("", "A row's answer depends on its neighbours in the batch.");
        }

        Row("weights", report.Weights.Count == 0 ? "none" : string.Join(", ", report.Weights.Select(static weight =>
            string.Create(CultureInfo.InvariantCulture, $"{weight.Count:N0} {weight.ElementType} ({weight.Bytes:N0} bytes)"))));
        if (report.ExternalFiles > 0) Row("", $"in {report.ExternalFiles} other files");
        Row("operators", string.Create(
            CultureInfo.InvariantCulture, $"{report.Nodes:N0}: {string.Join(", ", report.Operators.Select(Operator))}"));
        Quantization(Row, report.Quantization, withNodes);
    }

    private static void Values(Action<string, string> row, string label, IReadOnlyList<ModelReport.ValueReport> values)
    {
        foreach (var value in values.Where(static value => !value.HasDefault).Take(MaxLines))
            row(label, $"{value.Name} {value.Type}");
        var rest = values.Count - Math.Min(MaxLines, values.Count(static value => !value.HasDefault));
        if (rest > 0) row("", $"and {rest} more");
    }

    private static string Operator(ModelReport.OperatorReport use)
    {
        var name = use.Domain == "ai.onnx" ? use.Operator : $"{use.Domain}:{use.Operator}";
        var inside = use.InSubgraphs + use.InFunctions;
        return inside == 0 ? $"{name} {use.InMainGraph}" : $"{name} {use.InMainGraph + inside} ({inside} in subgraphs or functions)";
    }

    private static void Quantization(Action<string, string> row, ModelReport.QuantizationState state, bool withNodes)
    {
        if (state.IsQuantized)
        {
            var by = state.Method is { } method ? $", by MlServe ({method})" : "";
            var note = state.IsBatchDependent
                ? "; ranges are taken over each run, so that a row's answer depends on its neighbours"
                : "";
            row("quantized", $"yes{by}{note}");
        }

        if (state.Refusal is { } refusal) row("quantizing", $"refused: {refusal}");
        foreach (var slow in state.Slow.GroupBy(static node => (node.OpType, node.Reason)))
            row("warning", $"{slow.Count()} {slow.Key.OpType} ('{slow.First().Node}'{(slow.Count() > 1 ? " and others" : "")}) with "
                + $"{slow.Key.Reason}. Quantize the FP32 model anew, with signed weights");
        if (state.Decisions.Count == 0) return;
        row("quantizing", $"{state.Decisions.Count(static node => node.IsQuantized)} of {state.Decisions.Count} nodes would work on "
            + "integers, once there are samples to calibrate on");
        if (withNodes)
        {
            foreach (var node in state.Decisions)
                row("", $"{(node.IsQuantized ? "yes" : "no ")} {node.OpType} "
                    + $"'{node.Node}'{(node.Reason.Length > 0 ? $": {node.Reason}" : "")}");
            return;
        }

        var groups = state.Decisions.GroupBy(static node => (node.IsQuantized, node.OpType, node.Reason))
            .OrderByDescending(static group => group.Key.IsQuantized).ThenByDescending(static group => group.Count())
            .ThenBy(static group => group.Key.OpType, StringComparer.Ordinal).ToList();
        foreach (var group in groups.Take(MaxLines))
            row("", $"{(group.Key.IsQuantized ? "yes" : "no ")} {group.Count()} "
                + $"{group.Key.OpType}{(group.Key.Reason.Length > 0 ? $": {group.Key.Reason}" : "")}");
        if (groups.Count > MaxLines) row("", $"and {groups.Count - MaxLines} more kinds (--nodes lists all nodes)");
    }

    /// <summary>Names in a file may hold characters that would move the cursor of a terminal.</summary>
    private static string Clean(string text) => string.Concat(text.Select(static character => char.IsControl(character) ? '?' : character));
}
