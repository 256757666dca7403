using System.Diagnostics;
using MlServe.Guests;

namespace MlServe.Resilience;

/// <summary>The reports of a fallback chain: none while the model answers.</summary>
internal sealed class FallbackMetrics
{
    private readonly GuardedCounter<long> _answers;
    private readonly GuardedCounter<long> _failures;
    private readonly KeyValuePair<string, object?> _model;
    private readonly VersionTags _versions = new();

    public FallbackMetrics(string model, GuardedMeter meter)
    {
        Overruns = new(model, meter);
        _model = new(MlServeDiagnostics.ModelTag, model);
        _answers = meter.CreateCounter<long>(
            MlServeDiagnostics.FallbackAnswersMetric, "{prediction}", "Predictions that a fallback chain answered.");
        _failures = meter.CreateCounter<long>(
            MlServeDiagnostics.FallbackFailuresMetric, "{prediction}", "Predictions that a fallback chain could not answer either.");
    }

    /// <summary>Counts steps that go on when their caller has been answered.</summary>
    public LayerOverruns Overruns { get; }

    public void Answered(FallbackStep step, PredictionError reason)
    {
        if (!_answers.Enabled) return;
        _answers.Add(1, [_model, new(MlServeDiagnostics.FallbackStepTag, step.Tag), .. TagsOf(reason)]);
    }

    public void Failed(PredictionError reason)
    {
        if (_failures.Enabled) _failures.Add(1, [_model, .. TagsOf(reason)]);
    }

    private KeyValuePair<string, object?>[] TagsOf(PredictionError reason)
    {
        var error = new KeyValuePair<string, object?>(MlServeDiagnostics.ErrorTypeTag, reason.Status.ToTag());
        return reason.Model is { } version ? [error, _versions.TagOf(version)] : [error];
    }
}
