namespace MlServe.Samples.Worker;

/// <summary>How far a run has come.</summary>
/// <param name="Rows">Rows scored.</param>
/// <param name="Skipped">Rows that could not be read.</param>
/// <param name="Labelled">Rows scored whose digit the file tells.</param>
/// <param name="Right">Those of them that the model read right.</param>
/// <param name="Done">How much of the file, 0 to 1.</param>
internal readonly record struct ScoringProgress(long Rows, long Skipped, long Labelled, long Right, double Done);
