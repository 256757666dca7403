using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MlServe.Resilience;

/// <summary>What a fallback chain reports: nothing while the model answers.</summary>
internal sealed class FallbackMetrics
{
    private readonly Counter<long> _answers;
    private readonly Counter<long> _failures;
    private readonly KeyValuePair<string, object?> _model;

    public FallbackMetrics(string model, IMeterFactory? factory)
    {
        // A meter hands out the same counter for the same name: models of one host share them.
        var meter = MlServeMeter.For(factory);
        _model = new(MlServeDiagnostics.ModelTag, model);
        _answers = meter.CreateCounter<long>(MlServeDiagnostics.FallbackAnswersMetric, "{prediction}", "Predictions that a fallback chain answered.");
        _failures = meter.CreateCounter<long>(MlServeDiagnostics.FallbackFailuresMetric, "{prediction}", "Predictions that a fallback chain could not answer either.");
    }

    public void Answered(FallbackStep step, PredictionError reason)
    {
        if (!_answers.Enabled) return;
        Add(_answers, new() { _model, new(MlServeDiagnostics.FallbackStepTag, step.Tag), new(MlServeDiagnostics.ErrorTypeTag, reason.Status.ToTag()) });
    }

    public void Failed(PredictionError reason)
    {
        if (_failures.Enabled) Add(_failures, new() { _model, new(MlServeDiagnostics.ErrorTypeTag, reason.Status.ToTag()) });
    }

    private static void Add(Counter<long> counter, TagList tags)
    {
        try
        {
            counter.Add(1, tags);
        }
#pragma warning disable CA1031 // A listener that throws must not cost a caller the answer.
        catch
#pragma warning restore CA1031
        {
        }
    }
}
