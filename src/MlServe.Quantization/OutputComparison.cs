namespace MlServe.Quantization;

/// <summary>How one output of a model agrees with that of the source, over all samples that were compared.</summary>
public sealed record OutputComparison
{
    /// <summary>The output's name.</summary>
    public required string Name { get; init; }

    /// <summary>The type of its elements; "none" if it is no tensor and was not compared.</summary>
    public required string ElementType { get; init; }

    /// <summary>By what it is judged.</summary>
    public OutputMetric Metric { get; init; }

    /// <summary>Why by that, for a person.</summary>
    public string MetricReason { get; init; } = "";

    /// <summary>The greatest number of axes that was seen.</summary>
    public int Rank { get; init; }

    /// <summary>Elements that were compared.</summary>
    public long Values { get; init; }

    /// <summary>
    /// Ten times the decimal logarithm of the source's squares over the squares of the differences. The source's squares count as those of
    /// a floor at least: 1e-6, and 0.03 of a probability. Infinite if all are equal; null for values that are no numbers with a fraction,
    /// or if nothing was compared. Of detectors only if something was found, of sequences without padding.
    /// </summary>
    public double? SnrDb { get; init; }

    /// <summary>
    /// The lower bound of <see cref="SnrDb"/>, at 95 %, by drawing rows anew; null if there is none, or less than two rows.
    /// </summary>
    public double? SnrLowDb { get; init; }

    /// <summary>
    /// The cosine of the angle between both outputs; null if one of them is all zeros, or if <see cref="SnrDb"/> is null.
    /// </summary>
    public double? Cosine { get; init; }

    /// <summary>The greatest difference of one element; null if <see cref="SnrDb"/> is null.</summary>
    public double? MaxDifference { get; init; }

    /// <summary>
    /// For scores of classes the share of rows whose greatest is at the same place (of a sequence: the mean share of its places). For
    /// integers, truth values and text the mean share of a row's equal elements. For vectors the share of rows with the same nearest
    /// neighbour among those that were compared. Null if that is not asked of the output.
    /// </summary>
    public double? Agreement { get; init; }

    /// <summary>The lower bound of <see cref="Agreement"/> for all rows, at 95 %.</summary>
    public double? AgreementLow { get; init; }

    /// <summary>Rows of which <see cref="Agreement"/> is a share.</summary>
    public long Compared { get; init; }

    /// <summary>
    /// The mean share of the source's five best classes that are among the model's; null if there are no more classes, or none.
    /// </summary>
    public double? TopAgreement { get; init; }

    /// <summary>
    /// For vectors: Spearman's correlation of the similarities of each row with all others, in the mean over rows; null for other outputs.
    /// </summary>
    public double? RankCorrelation { get; init; }

    /// <summary>For vectors: the least cosine of a row's vector with the source's; null for other outputs.</summary>
    public double? LeastRowCosine { get; init; }

    /// <summary>Rows that were compared.</summary>
    public long Rows { get; init; }

    /// <summary>Whether the source's numbers are all zero, so that there was nothing to compare with.</summary>
    public bool IsDead { get; init; }

    /// <summary>Elements that are no finite number on one side and something else on the other.</summary>
    public long NotFinite { get; init; }

    /// <summary>Samples for which the shape differed from that of the source.</summary>
    public int OtherShapes { get; init; }
}
