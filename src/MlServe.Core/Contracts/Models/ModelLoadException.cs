namespace MlServe;

/// <summary>A model could not be loaded. Nothing of it stays behind: no session, no lock on its file.</summary>
public sealed class ModelLoadException : MlServeException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="failure">The kind of failure.</param>
    /// <param name="message">The failure, with its values and the remedy.</param>
    /// <param name="innerException">The cause, or null.</param>
    public ModelLoadException(ModelLoadFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    /// <summary>The kind of failure, for code that has to tell failures apart.</summary>
    public ModelLoadFailure Failure { get; }
}
