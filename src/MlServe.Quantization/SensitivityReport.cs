using System.Globalization;
using System.Text;
using System.Text.Json;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization;

/// <summary>The nodes of a model by the harm that quantizing each alone does. Immutable.</summary>
public sealed record SensitivityReport
{
    /// <summary>The nodes, the most harmful first.</summary>
    public required IReadOnlyList<NodeSensitivity> Nodes { get; init; }

    /// <summary>Nodes that were not tried because the time for it was over.</summary>
    public required IReadOnlyList<string> NotTried { get; init; }

    /// <summary>Samples that each was tried on.</summary>
    public required int Samples { get; init; }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReportJson.Default.SensitivityReport);

    /// <summary>The thirty most harmful nodes as a table.</summary>
    public override string ToString()
    {
        const int Shown = 30;
        var text = new StringBuilder();
        text.AppendLine(
            CultureInfo.InvariantCulture, $"{Nodes.Count} nodes, each quantized alone, on {Samples} samples; the most harmful first");
        foreach (var node in Nodes.Take(Shown))
        {
            var agreement = node.Agreement is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share:P1}") : "";
            text.AppendLine(
                CultureInfo.InvariantCulture, $"{ReportText.Decibels(node.SnrDb),9}  {agreement,8}  {node.OpType,-12}  {node.Node}");
        }

        if (Nodes.Count > Shown) text.AppendLine(CultureInfo.InvariantCulture, $"... and {Nodes.Count - Shown} more");
        if (NotTried.Count > 0)
            text.AppendLine(CultureInfo.InvariantCulture, $"{NotTried.Count} nodes were not tried: SearchBudget was over");
        return text.ToString().TrimEnd();
    }
}
