using System.Text.Json.Serialization;

namespace MlServe.Quantization.Reporting;

/// <summary>JSON of reports, in which ratios may be infinite.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(QuantizationReport))]
[JsonSerializable(typeof(SensitivityReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
