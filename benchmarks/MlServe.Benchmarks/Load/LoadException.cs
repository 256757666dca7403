namespace MlServe.Benchmarks.Load;

/// <summary>What was asked for cannot be done; the message says why, and what to do.</summary>
internal sealed class LoadException(string message, Exception? inner = null) : Exception(message, inner);
