namespace MlServe.Quantization;

/// <summary>How one output of a model agrees with that of the source, over all samples that were compared.</summary>
public sealed record OutputComparison
{
    /// <summary>The output's name.</summary>
    public required string Name { get; init; }

    /// <summary>The type of its elements; "none" where it is no tensor and was not compared.</summary>
    public required string ElementType { get; init; }

    /// <summary>The greatest number of axes that was seen.</summary>
    public int Rank { get; init; }

    /// <summary>Elements that were compared.</summary>
    public long Values { get; init; }

    /// <summary>
    /// Ten times the decimal logarithm of the source's squares over the squares of the differences; infinite where all are equal; null for what are no numbers with
    /// a fraction, or where nothing was compared.
    /// </summary>
    public double? SnrDb { get; init; }

    /// <summary>The cosine of the angle between both outputs; null where one of them is all zeros, or where <see cref="SnrDb"/> is null.</summary>
    public double? Cosine { get; init; }

    /// <summary>The greatest difference of one element; null where <see cref="SnrDb"/> is null.</summary>
    public double? MaxDifference { get; init; }

    /// <summary>
    /// For numbers the share of rows along the last axis whose greatest value is at the same place; for integers, truth values and text the share of equal elements. Null
    /// where rows have one element.
    /// </summary>
    public double? Agreement { get; init; }

    /// <summary>Rows, or elements, of which <see cref="Agreement"/> is a share.</summary>
    public long Compared { get; init; }

    /// <summary>Elements that are no finite number on one side and something else on the other.</summary>
    public long NotFinite { get; init; }

    /// <summary>Samples for which the shape differed from that of the source.</summary>
    public int OtherShapes { get; init; }
}
