namespace MlServe.Samples.Training;

/// <summary>A failure that the user can act on: its message is all that the console shows.</summary>
internal sealed class TrainingException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>1 for a run that failed, 2 for a command that was wrong.</summary>
    public int ExitCode { get; init; } = 1;
}
