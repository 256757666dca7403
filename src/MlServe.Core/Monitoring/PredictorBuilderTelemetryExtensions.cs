using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MlServe.Monitoring;

namespace MlServe;

/// <summary>Adds telemetry to a pipeline.</summary>
public static class PredictorBuilderTelemetryExtensions
{
    /// <summary>
    /// Makes a model visible. Metrics and EventCounters show rate, errors, duration and predictions under way. Each prediction gets an
    /// activity, and a log entry if it fails. Call it first, so that it sees what the caller sees. The names are in
    /// <see cref="MlServeDiagnostics"/>.
    /// </summary>
    /// <remarks>
    /// Takes an <see cref="IMeterFactory"/>, an <see cref="ILoggerFactory"/>, a <see cref="TimeProvider"/> and a <see cref="RunGate"/> from
    /// the services that the pipeline is built with. Without them there are one meter for the process, no logs, the system's clock and
    /// <see cref="RunGate.Shared"/>. Clocks are read only while somebody listens; nothing is allocated for a prediction unless it is
    /// traced.
    /// </remarks>
    /// <param name="builder">The pipeline.</param>
    /// <param name="modelName">The name of the model, as a metric tag: one of a bounded number, not made of what callers send. Pipelines of
    /// one name are counted together.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="ArgumentException"><paramref name="modelName"/> is empty.</exception>
    public static PredictorBuilder UseTelemetry(this PredictorBuilder builder, string modelName)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(modelName);

        return builder.UseBuiltIn((inner, context) => CreateTracing(inner, modelName, context)).UseMetrics(modelName);
    }

    /// <summary>Activities. Listeners to them would be shown a warm-up's predictions, which nobody asked for.</summary>
    private static IPredictor CreateTracing(IPredictor inner, string modelName, PipelineContext context) =>
        context.IsWarmUp && TracingPredictor.IsListenedTo ? inner : new TracingPredictor(inner, modelName, context.Logger);

    /// <summary>Metrics, EventCounters and log entries, without activities.</summary>
    private static PredictorBuilder UseMetrics(this PredictorBuilder builder, string modelName) => builder.Use((_, context) =>
    {
        var metrics = PredictionMetrics.For(context.Meters, context.Logger, isCounted: !context.IsWarmUp);
        metrics.Watch(context.Find<RunGate>() ?? RunGate.Shared);
        return new TelemetryStage(modelName, metrics, context.Logger, context.Time);
    });
}
