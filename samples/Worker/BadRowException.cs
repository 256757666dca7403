namespace MlServe.Samples.Worker;

/// <summary>A row of the CSV file cannot be read.</summary>
internal sealed class BadRowException(string message) : Exception(message);
