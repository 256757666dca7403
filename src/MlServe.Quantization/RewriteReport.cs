using System.Globalization;
using System.Text;
using System.Text.Json;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization;

/// <summary>The outcome of rewriting a model. Immutable.</summary>
public sealed record RewriteReport
{
    /// <summary>The choices; with them the same file comes out again.</summary>
    public required QuantizationPlan Plan { get; init; }

    /// <summary>The fate of each node that the method is for, in the order of the graph.</summary>
    public required IReadOnlyList<NodeDecision> Decisions { get; init; }

    /// <summary>On what the result was run against the source, for a person.</summary>
    public string Check { get; init; } = "";

    /// <summary>The size of the model before, external data included, in bytes.</summary>
    public required long SourceBytes { get; init; }

    /// <summary>The size of the model that was written, in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>Writes the report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, QuantizationJson.Default.RewriteReport);

    /// <summary>A line for the whole, and one for each kind of node and each reason.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Plan.Method}: {Decisions.Count(static decision => decision.IsQuantized)} of {Decisions.Count} nodes, {SourceBytes:N0} -> "
                + $"{Bytes:N0} bytes ({(double)Bytes / Math.Max(1, SourceBytes):P0})");
        foreach (var group in Decisions.GroupBy(static decision => (decision.OpType, decision.IsQuantized, decision.Reason)))
        {
            text.AppendLine()
                .Append(
                    CultureInfo.InvariantCulture, $"  {group.Count()} {group.Key.OpType} {(group.Key.IsQuantized ? "quantized" : "left")}");
            if (group.Key.Reason.Length > 0) text.Append(CultureInfo.InvariantCulture, $": {group.Key.Reason}");
        }

        if (Check.Length > 0) text.AppendLine().Append(CultureInfo.InvariantCulture, $"  checked: {Check}");
        return text.ToString();
    }
}
