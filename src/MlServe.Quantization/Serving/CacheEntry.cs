using System.Text.Json.Serialization;

namespace MlServe.Quantization.Serving;

/// <summary>The cache's record of one quantization, beside the model's file.</summary>
internal sealed record CacheEntry
{
    /// <summary>The model's file in the same folder; null: the source is served.</summary>
    public string? Model { get; init; }

    /// <summary>SHA-256 of the model's file.</summary>
    public string? Digest { get; init; }

    /// <summary>Why the source is served.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether something better was refused for nothing but its speed, by less than the noise of the measurement.</summary>
    public bool IsCloseCall { get; init; }

    /// <summary>Starts that have tried.</summary>
    public int Tries { get; init; } = 1;

    /// <summary>The report, with its plan; null if the model was refused.</summary>
    public QuantizationReport? Report { get; init; }
}

/// <summary>JSON of entries without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(CacheEntry))]
internal sealed partial class CacheJson : JsonSerializerContext;
