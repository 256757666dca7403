namespace MlServe.Cli;

/// <summary>Something that the user gave cannot be used; the message says what, and what to do.</summary>
internal sealed class CliException(string message, Exception? innerException = null) : Exception(message, innerException);
