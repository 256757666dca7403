using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MlServe.Monitoring;

/// <summary>
/// Makes an activity of each prediction while somebody listens. Not a stage: an async method gives the activity to the work inside, and the caller
/// its own activity back, whichever thread the answer comes on.
/// </summary>
internal sealed class TracingPredictor(IPredictor inner, string model) : DelegatingPredictor(inner)
{
    private const int DigestDigits = 12;

    private static readonly ActivitySource Source = new(MlServeDiagnostics.ActivitySourceName, PredictionMetrics.Version);

    public static bool IsListenedTo => Source.HasListeners();

    private readonly string _name = $"predict {model}";
    private readonly KeyValuePair<string, object?>[] _tags = [new(MlServeDiagnostics.ModelTag, model)];

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        Source.HasListeners() ? PredictTracedAsync(inputs, options, cancellationToken) : Inner.PredictAsync(inputs, options, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Prediction> PredictTracedAsync(PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        var activity = Start();
        try
        {
            var answer = await Inner.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
            if (activity is not null) Stop(activity, inputs.RowCount, answer);
            return answer;
        }
        catch (Exception exception)
        {
            if (activity is not null) Stop(activity, inputs.RowCount, exception);
            throw;
        }
    }

    private Activity? Start()
    {
        try
        {
            return Source.StartActivity(_name, ActivityKind.Internal, parentContext: default, _tags);
        }
#pragma warning disable CA1031 // A listener that throws costs the activity, not the prediction.
        catch
#pragma warning restore CA1031
        {
            return null;
        }
    }

    private void Stop(Activity activity, int? rows, in Prediction answer)
    {
        try
        {
            if (activity.IsAllDataRequested)
            {
                TagRows(activity, rows);
                var status = answer.Status;
                activity.SetTag(MlServeDiagnostics.StatusTag, status.ToTag());
                if (answer.IsOk) TagOrigin(activity, answer.Origin);
                else TagError(activity, status, answer.Error);
            }

            activity.Stop();
        }
#pragma warning disable CA1031
        catch
#pragma warning restore CA1031
        {
        }
    }

    private static void Stop(Activity activity, int? rows, Exception exception)
    {
        try
        {
            if (activity.IsAllDataRequested)
            {
                TagRows(activity, rows);
                var outcome = PredictionOutcome.Of(exception);
                var tag = PredictionOutcome.ErrorTag(outcome);
                activity.SetTag(tag.Key, tag.Value);
                if (outcome == PredictionOutcome.Exception) activity.SetStatus(ActivityStatusCode.Error);
            }

            activity.Stop();
        }
#pragma warning disable CA1031
        catch
#pragma warning restore CA1031
        {
        }
    }

    private static void TagRows(Activity activity, int? rows)
    {
        if (rows is { } known) activity.SetTag(MlServeDiagnostics.RowsTag, known);
    }

    private void TagOrigin(Activity activity, in PredictionOrigin origin)
    {
        activity.SetTag(MlServeDiagnostics.SourceTag, origin.Source switch
        {
            PredictionSource.Cache => "cache",
            PredictionSource.StaleCache => "stale_cache",
            PredictionSource.Fallback => "fallback",
            _ => "model",
        });
        if (origin.FallbackReason is { } reason) activity.SetTag(MlServeDiagnostics.FallbackReasonTag, reason.Status.ToTag());
        if (origin.BatchRows > 0) activity.SetTag(MlServeDiagnostics.BatchRowsTag, origin.BatchRows);
        if (origin.Model is not { } identity) return;

        if (identity.Name != model) activity.SetTag(MlServeDiagnostics.AnsweredByTag, identity.Name);
        activity.SetTag(MlServeDiagnostics.VersionTag, identity.Version);
        if (identity.Digest.Length > 0) activity.SetTag(MlServeDiagnostics.DigestTag, identity.Digest[..Math.Min(DigestDigits, identity.Digest.Length)]);
    }

    private static void TagError(Activity activity, PredictionStatus status, PredictionError error)
    {
        activity.SetTag(MlServeDiagnostics.ErrorTypeTag, status.ToTag());
        if (error.Code != PredictionErrorCode.None) activity.SetTag(MlServeDiagnostics.ErrorCodeTag, error.Code.ToString());

        // As OpenTelemetry has it for servers: what the caller did wrong is not an error of the span.
        if (status.ToHttpStatusCode() >= 500) activity.SetStatus(ActivityStatusCode.Error);
    }
}
