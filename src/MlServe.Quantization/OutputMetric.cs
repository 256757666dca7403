namespace MlServe.Quantization;

/// <summary>By which measure an output of a quantized model is held against the source's: it follows from what the output means.</summary>
public enum OutputMetric
{
    /// <summary>It is not judged, only shown.</summary>
    None = 0,

    /// <summary>Labels, counts, truth values, text: the share of equal elements, of which each row counts once.</summary>
    Equal,

    /// <summary>
    /// A score for each class and row. Its measure is the share of rows whose greatest score is at the same place, and how much of the best
    /// five is the same.
    /// </summary>
    Classes,

    /// <summary>
    /// A score for each class and place of a sequence: the same, at each place that is not padding, and each row counts once.
    /// </summary>
    Sequence,

    /// <summary>
    /// A vector for each row, or one for each place of a sequence, whose mean over the places that are not padding is taken. Its measure is
    /// the share of rows with the same nearest neighbour, and the correlation of ranks (Spearman's) of all similarities.
    /// </summary>
    Embedding,

    /// <summary>As <see cref="Embedding"/>, of the vector at the first place of the sequence.</summary>
    FirstToken,

    /// <summary>Numbers: the ratio of signal to noise.</summary>
    Regression,

    /// <summary>
    /// A detector's answer for each place at which a thing may be. Its measure is the ratio of signal to noise at places at which the
    /// source has found one.
    /// </summary>
    Boxes,
}
