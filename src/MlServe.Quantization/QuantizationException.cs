namespace MlServe.Quantization;

/// <summary>A model was not quantized. No file was written or changed.</summary>
public sealed class QuantizationException : MlServeException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="failure">The kind of failure.</param>
    /// <param name="message">The fault, with the values, and the way out.</param>
    /// <param name="innerException">The cause, or null.</param>
    public QuantizationException(QuantizationFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    /// <summary>The kind of failure, for code that has to tell them apart.</summary>
    public QuantizationFailure Failure { get; }

    /// <summary>Whether nothing but speed failed, by less than the noise of the measurement.</summary>
    internal bool IsCloseCall { get; init; }
}
