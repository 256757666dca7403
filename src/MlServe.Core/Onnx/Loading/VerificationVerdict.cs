namespace MlServe.Onnx;

/// <summary>The result of trying a model in a process of its own.</summary>
/// <param name="Failure">Why the model does not load; null if it does.</param>
/// <param name="Message">The same in words; the finding about the batch axis if it loads.</param>
public sealed record VerificationVerdict(ModelLoadFailure? Failure, string Message);
