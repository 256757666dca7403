using System.Text.Json.Serialization;

namespace MlServe.Quantization.Reporting;

/// <summary>JSON without reflection, so that it works ahead of time.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(QuantizationPlan))]
[JsonSerializable(typeof(RewriteReport))]
[JsonSerializable(typeof(PreprocessingReport))]
internal sealed partial class QuantizationJson : JsonSerializerContext;
