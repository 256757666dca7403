namespace MlServe;

/// <summary>A model could not be loaded. Nothing of it stays behind: no session, no lock on its file.</summary>
public sealed class ModelLoadException : MlServeException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="failure">What kind of failure it is.</param>
    /// <param name="message">What went wrong, with which values, and what to do about it.</param>
    /// <param name="innerException">The cause, or null.</param>
    public ModelLoadException(ModelLoadFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    /// <summary>The kind of failure, for code that has to tell failures apart.</summary>
    public ModelLoadFailure Failure { get; }
}
