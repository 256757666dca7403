namespace MlServe;

/// <summary>
/// A prediction that is not Ok, as an exception: thrown by <see cref="Prediction.EnsureOk"/>, by reading the outputs of such a prediction,
/// and by the typed door.
/// </summary>
public sealed class PredictionException : MlServeException
{
    /// <summary>Makes the exception of an error.</summary>
    /// <param name="error">Why the prediction is not Ok.</param>
    public PredictionException(PredictionError error)
        : base((error ?? throw new ArgumentNullException(nameof(error))).Message, error.Exception) => Error = error;

    /// <summary>Why the prediction is not Ok.</summary>
    public PredictionError Error { get; }

    /// <summary>How the prediction ended.</summary>
    public PredictionStatus Status => Error.Status;
}
