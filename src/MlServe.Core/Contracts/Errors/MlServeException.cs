namespace MlServe;

/// <summary>The base of every exception that MlServe throws of its own.</summary>
public abstract class MlServeException : Exception
{
    /// <summary>Makes an exception with a message and, if there is one, the exception that caused it.</summary>
    /// <param name="message">The failure, with its values and the remedy.</param>
    /// <param name="innerException">The cause, or null.</param>
    protected MlServeException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
