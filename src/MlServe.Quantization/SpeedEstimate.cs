namespace MlServe.Quantization;

/// <summary>How fast a model is against the source, measured in turns with it.</summary>
/// <param name="Ratio">The median of the source's time over the model's: above 1 the model is faster.</param>
/// <param name="Low">The lower end of an interval for that median, which holds at 95 % and for any distribution.</param>
/// <param name="High">The upper end.</param>
/// <param name="Pairs">Pairs of windows that were measured.</param>
/// <param name="SourceMilliseconds">The median time of one run of the source.</param>
/// <param name="ModelMilliseconds">The median time of one run of the model.</param>
public sealed record SpeedEstimate(double Ratio, double Low, double High, int Pairs, double SourceMilliseconds, double ModelMilliseconds)
{
    /// <summary>By which clock.</summary>
    public SpeedClock Clock { get; init; }

    /// <summary>
    /// The share of the time on the wall in which the measuring thread ran, 0 to 1. If it is well below 1, other work had the processor
    /// meanwhile.
    /// </summary>
    public double Running { get; init; } = 1;
}
