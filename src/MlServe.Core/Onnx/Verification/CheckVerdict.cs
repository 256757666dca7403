using System.Text.Json.Serialization;

namespace MlServe.Onnx.Verification;

/// <summary>The result of a check: the last line that the tool prints.</summary>
/// <param name="Failure">Why the model does not load; null if it does.</param>
/// <param name="Message">The same in words; the finding about the batch axis if it loads.</param>
internal sealed record CheckVerdict(ModelLoadFailure? Failure, string Message)
{
    /// <summary>
    /// Whether it may have had another cause than the model, a machine that was busy or short of memory. It is then to be found anew the
    /// next time.
    /// </summary>
    [JsonIgnore]
    public bool IsOfTheMoment { get; init; }
}
