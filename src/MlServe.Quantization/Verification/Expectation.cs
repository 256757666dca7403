namespace MlServe.Quantization.Verification;

/// <summary>How near to the source a rewritten model has to answer.</summary>
/// <param name="MinSnrDb">The least ratio of signal to noise on usual values, in decibels. Null: it computes the same, but for rounding of
/// floats. Negative infinity: only its form.</param>
internal sealed record Expectation(double? MinSnrDb)
{
    /// <summary>The same but for rounding of floats.</summary>
    public static Expectation Exact { get; } = new((double?)null);

    /// <summary>
    /// It runs on all inputs that the source runs on, in the same form, and gives numbers if the source does. How near they are is for the
    /// gate.
    /// </summary>
    public static Expectation Form { get; } = new(double.NegativeInfinity);

    public bool IsExact => MinSnrDb is null;

    public bool AsksNearness => MinSnrDb is null or > double.NegativeInfinity;

    /// <summary>
    /// Bounds that only a broken model fails, on inputs that are mostly made up. Measured on real models, 16-bit floats have 50 to 80 dB, 8
    /// bits 20 to 50, 4 bits 10 to 20.
    /// </summary>
    public static Expectation Of(QuantizationMethod method) => method switch
    {
        QuantizationMethod.None => Exact,
        QuantizationMethod.Fp16Storage => new(35),
        QuantizationMethod.Int8Storage or QuantizationMethod.NBits8 => new(10),
        QuantizationMethod.NBits4 => new(2),
        _ => new(6),
    };
}
