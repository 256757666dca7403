using System.Text.Json;
using System.Text.Json.Serialization;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;

namespace MlServe.Benchmarking;

/// <summary>Writes the figures of predictions as JSON: BenchmarkDotNet's own JSON has no columns of others.</summary>
internal sealed class PredictionExporter(decimal? hourlyPrice) : ExporterBase
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    };

    protected override string FileExtension => "json";

    protected override string FileCaption => "predictions";

    public override void ExportToLog(Summary summary, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(summary);
        ArgumentNullException.ThrowIfNull(logger);
        logger.WriteLine(JsonSerializer.Serialize(PredictionDocument.Of(summary, hourlyPrice), Options));
    }
}
