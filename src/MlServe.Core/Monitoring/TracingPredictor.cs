using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using MlServe.Guests;

namespace MlServe.Monitoring;

/// <summary>
/// Makes an activity of each prediction while somebody listens. It is not a stage: an async method gives the activity to the work inside.
/// The caller gets its own activity back, whichever thread the answer comes on.
/// </summary>
internal sealed class TracingPredictor(IPredictor inner, string model, ILogger? logger)
    : DelegatingPredictor(inner), IShieldsCallers, ITakesDeadlines
{
    private const int DigestDigits = 12;

    public static bool IsListenedTo => TracingSource.HasListeners;

    private readonly GuestReports _reports = logger is null ? GuestReports.OfProcess : new(logger);
    private readonly string _name = $"predict {model}";
    private readonly KeyValuePair<string, object?>[] _tags = [new(MlServeDiagnostics.ModelTag, model)];

    // What is inside is the stage that counts, which shields.
    bool IShieldsCallers.IsShielding => Inner is IShieldsCallers { IsShielding: true };

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        PredictAsync(inputs, options, Deadline.Never, cancellationToken);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) =>
        TracingSource.HasListeners
            ? RelayedOperation<Prediction>.Of(PredictTracedAsync(inputs, options, deadline, cancellationToken))
            : deadline.Ask(Inner, inputs, options, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Prediction> PredictTracedAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        var activity = TracingSource.Start(_name, _tags, _reports);
        if (activity is not null && options?.Caller is { Tenant: { Length: > 0 } tenant })
            activity.SetTag(MlServeDiagnostics.TenantTag, tenant);
        try
        {
            var answer = await deadline.Ask(Inner, inputs, options, cancellationToken).ConfigureAwait(false);
            if (activity is not null) Stop(activity, inputs.RowCount, answer);
            return answer;
        }
        catch (Exception exception)
        {
            if (activity is not null) Stop(activity, inputs.RowCount, exception);
            throw;
        }
    }

    private void Stop(Activity activity, int? rows, in Prediction answer)
    {
        if (activity.IsAllDataRequested)
        {
            TagRows(activity, rows);
            var status = answer.Status;
            activity.SetTag(MlServeDiagnostics.StatusTag, status.ToTag());
            if (answer.IsOk) TagOrigin(activity, answer.Origin);
            else TagError(activity, status, answer.Error);
        }

        TracingSource.Stop(activity, _reports);
    }

    private void Stop(Activity activity, int? rows, Exception exception)
    {
        if (activity.IsAllDataRequested)
        {
            TagRows(activity, rows);
            var outcome = PredictionOutcome.Of(exception);
            var tag = PredictionOutcome.ErrorTag(outcome);
            activity.SetTag(tag.Key, tag.Value);
            if (outcome == PredictionOutcome.Exception) activity.SetStatus(ActivityStatusCode.Error);
        }

        TracingSource.Stop(activity, _reports);
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

        TagVersion(activity, identity);
    }

    private void TagVersion(Activity activity, ModelIdentity identity)
    {
        if (identity.Name != model) activity.SetTag(MlServeDiagnostics.AnsweredByTag, identity.Name);
        activity.SetTag(MlServeDiagnostics.VersionTag, identity.Version);
        if (identity.Digest.Length > 0)
            activity.SetTag(MlServeDiagnostics.DigestTag, identity.Digest[..Math.Min(DigestDigits, identity.Digest.Length)]);
    }

    private void TagError(Activity activity, PredictionStatus status, PredictionError error)
    {
        if (error.Model is { } identity) TagVersion(activity, identity);
        activity.SetTag(MlServeDiagnostics.ErrorTypeTag, status.ToTag());
        if (error.Code != PredictionErrorCode.None) activity.SetTag(MlServeDiagnostics.ErrorCodeTag, error.Code.ToString());

        // As OpenTelemetry has it for servers: what the caller did wrong is not an error of the span.
        if (status.ToHttpStatusCode() >= 500) activity.SetStatus(ActivityStatusCode.Error);
    }
}
