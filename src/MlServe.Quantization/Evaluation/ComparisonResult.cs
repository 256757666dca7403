namespace MlServe.Quantization.Evaluation;

/// <summary>How the outputs of a model agree with its source's.</summary>
internal sealed record ComparisonResult(IReadOnlyList<OutputComparison> Outputs, int Samples)
{
    /// <summary>
    /// The least ratio of signal to noise; minus infinity if an output lost its shape or its finiteness; null if no output has one.
    /// </summary>
    public double? WorstSnrDb => Outputs.Any(static output => output.NotFinite > 0 || output.OtherShapes > 0)
        ? double.NegativeInfinity
        : Outputs.Min(static output => output.SnrDb);

    /// <summary>The least agreement of the outputs of which it is asked; null if there is none.</summary>
    public double? WorstAgreement =>
        Outputs.Where(static output => output.Metric != OutputMetric.None).Min(static output => output.Agreement);

    /// <summary>The least correlation of ranks of the outputs that are vectors; null if there is none.</summary>
    public double? WorstRankCorrelation => Outputs.Min(static output => output.RankCorrelation);
}
