using System.Globalization;

namespace MlServe.Samples.MinimalApi;

/// <summary>Tells callers why there is no answer, as problem details (RFC 9457).</summary>
internal static class PredictionProblem
{
    public static IResult ToProblem(this Prediction prediction, HttpResponse response)
    {
        var error = prediction.Error;
        if (error.RetryAfter is { } wait)
            response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);

        return Results.Problem(
            // What went wrong inside is for the log, which has it, and not for strangers.
            error.Status == PredictionStatus.Failed ? "The model failed." : error.Message,
            statusCode: error.Status.ToHttpStatusCode(),
            extensions: new Dictionary<string, object?> { ["code"] = error.Code.ToString(), ["errorType"] = error.Status.ToTag() });
    }
}
