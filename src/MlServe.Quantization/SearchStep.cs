namespace MlServe.Quantization;

/// <summary>One candidate that was measured on the way to the result.</summary>
public sealed record SearchStep
{
    /// <summary>The description of the candidate, for a person.</summary>
    public required string Description { get; init; }

    /// <summary>How it was made.</summary>
    public required QuantizationMethod Method { get; init; }

    /// <summary>Nodes that were left out because they do most harm, or are slower on integers.</summary>
    public IReadOnlyList<string> ExcludedNodes { get; init; } = [];

    /// <summary>Multiplications a row below which nodes were left out.</summary>
    public long MinMultiplications { get; init; }

    /// <summary>Nodes that were quantized.</summary>
    public int QuantizedNodes { get; init; }

    /// <summary>Speed against the source; null if it was not measured.</summary>
    public SpeedEstimate? Speed { get; init; }

    /// <summary>
    /// The least agreement of an output that is judged by it, nearest neighbours of vectors among them; null if there is none.
    /// </summary>
    public double? Agreement { get; init; }

    /// <summary>The least correlation of ranks of an output of vectors; null if there is none.</summary>
    public double? RankCorrelation { get; init; }

    /// <summary>The least ratio of signal to noise of an output, in decibels; null if there is none.</summary>
    public double? SnrDb { get; init; }

    /// <summary>The user's measure; null if it was not taken.</summary>
    public double? Metric { get; init; }

    /// <summary>The size of the file in bytes.</summary>
    public long SizeInBytes { get; init; }

    /// <summary>Whether it was compared on the samples that nothing was chosen by.</summary>
    public bool IsFinal { get; init; }

    /// <summary>Whether it passed the gate.</summary>
    public bool Passed { get; init; }

    /// <summary>The reason for which it failed, or empty.</summary>
    public string Reason { get; init; } = "";
}
