using System.Globalization;
using System.Text;
using System.Text.Json;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization;

/// <summary>The changes that preprocessing made to a model.</summary>
public sealed record PreprocessingReport
{
    /// <summary>The steps that were done, a sentence each, in order; empty if the model was ready.</summary>
    public required IReadOnlyList<string> Steps { get; init; }

    /// <summary>
    /// Weights that the source lists among its inputs and that are constants in the model that was written, in the order of the list.
    /// </summary>
    public IReadOnlyList<string> RemovedInputs { get; init; } = [];

    /// <summary>On what the result was run against the source, for a person.</summary>
    public string Check { get; init; } = "";

    /// <summary>Operators of the model that was given, those of subgraphs included.</summary>
    public required int NodesBefore { get; init; }

    /// <summary>Operators of the model that was written, those of subgraphs included.</summary>
    public required int NodesAfter { get; init; }

    /// <summary>Bytes of the model that was given, with its external data.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of the model that was written, which holds all its weights.</summary>
    public required long BytesAfter { get; init; }

    /// <summary>Gives a few lines for a person.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{NodesBefore:N0} nodes and {BytesBefore:N0} bytes became {NodesAfter:N0} nodes and {BytesAfter:N0} bytes.");
        if (Steps.Count == 0) text.Append(" Nothing was to do.");
        foreach (var step in Steps)
            text.Append("\n- ").Append(step);
        if (Check.Length > 0) text.Append(CultureInfo.InvariantCulture, $"\nChecked: {Check}.");
        return text.ToString();
    }

    /// <summary>Writes the report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, QuantizationJson.Default.PreprocessingReport);
}
