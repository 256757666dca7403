namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>By what an output is judged, and why.</summary>
/// <param name="Metric">The measure.</param>
/// <param name="Reason">Why it is that one, for a person.</param>
/// <param name="IsShare">Whether values are probabilities, so that a value near 0 is near nothing.</param>
/// <param name="Scores">For <see cref="OutputMetric.Boxes"/>: the output that tells which places hold something; it may be the output
/// itself.</param>
/// <param name="Background">The column of <paramref name="Scores"/> that stands for nothing; -1: there is none.</param>
internal sealed record ChosenMetric(OutputMetric Metric, string Reason, bool IsShare = false, string? Scores = null, int Background = -1);
