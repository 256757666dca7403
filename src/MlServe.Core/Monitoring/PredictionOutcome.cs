namespace MlServe.Monitoring;

/// <summary>
/// How a call ended, as a small number to count by: a <see cref="PredictionStatus"/>, or one of the ways to end without one.
/// </summary>
internal static class PredictionOutcome
{
    public const int Cancelled = (int)PredictionStatus.DeadlineExceeded + 1;
    public const int Exception = Cancelled + 1;
    public const int Count = Exception + 1;

    private static readonly KeyValuePair<string, object?>[] ErrorTags = [.. Enumerable.Range(0, Count).Select(MakeErrorTag)];

    public static int Of(PredictionStatus status) => (uint)status < Cancelled ? (int)status : (int)PredictionStatus.Failed;

    public static int Of(Exception exception) => exception is OperationCanceledException ? Cancelled : Exception;

    /// <summary>The tag that says why there was no answer; not for Ok.</summary>
    public static ref readonly KeyValuePair<string, object?> ErrorTag(int outcome) => ref ErrorTags[outcome];

    private static KeyValuePair<string, object?> MakeErrorTag(int outcome) => new(MlServeDiagnostics.ErrorTypeTag, outcome switch
    {
        Cancelled => MlServeDiagnostics.CancelledErrorType,
        Exception => MlServeDiagnostics.ExceptionErrorType,
        _ => ((PredictionStatus)outcome).ToTag(),
    });
}
