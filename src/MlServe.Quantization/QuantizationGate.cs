namespace MlServe.Quantization;

/// <summary>What a quantized model has to show before it is written. Immutable.</summary>
public sealed record QuantizationGate
{
    /// <summary>
    /// The least speed against the source, measured in turns on this machine, 0 or more. It is asked of methods that compute on integers; what only stores weights
    /// smaller has to reach <see cref="MinSpeed"/>. 0: not asked. Default: 1.05.
    /// </summary>
    public double MinSpeedup { get; init; } = 1.05;

    /// <summary>The least speed against the source of whatever is written, 0 to 1. Default: 0.97, which is about what two runs of one model differ by.</summary>
    public double MinSpeed { get; init; } = 0.97;

    /// <summary>
    /// The least share of rows in which the greatest value of an output is at the same place as the source's, and of equal values in outputs of integers,
    /// 0 to 1; null: not asked. Default: 0.99. Asked of <see cref="AgreementOutputs"/>, on samples that were held back; not on made-up inputs.
    /// </summary>
    public double? MinAgreement { get; init; } = 0.99;

    /// <summary>
    /// The outputs of which <see cref="MinAgreement"/> is asked, by name. Default: null, which means outputs of integers, and outputs of numbers with two axes and
    /// two or more columns, as classifiers have them.
    /// </summary>
    public IReadOnlyList<string>? AgreementOutputs { get; init; }

    /// <summary>The least ratio of signal to noise of every output of numbers, in decibels; null: not asked. Default: 20, a noise of a tenth.</summary>
    public double? MinSnrDb { get; init; } = 20;

    /// <summary>
    /// The user's own measure of a model, accuracy say: more is better. It is called with the source and with each candidate that passed all else, one at a
    /// time. What it throws ends the work and is passed on. Default: null.
    /// </summary>
    public Func<IPredictor, CancellationToken, ValueTask<double>>? Evaluate { get; init; }

    /// <summary>By how much a candidate's measure may lie below the source's, 0 or more, in the measure's own unit. Default: 0.01.</summary>
    public double MaxLoss { get; init; } = 0.01;

    internal IEnumerable<string> Validate()
    {
        if (!(MinSpeedup >= 0 && double.IsFinite(MinSpeedup))) yield return FormattableString.Invariant($"Gate.MinSpeedup is {MinSpeedup}; it must be 0 or more.");
        if (!(MinSpeed is >= 0 and <= 1)) yield return FormattableString.Invariant($"Gate.MinSpeed is {MinSpeed}; it must be 0 to 1.");
        if (MinAgreement is { } agreement && !(agreement is >= 0 and <= 1)) yield return FormattableString.Invariant($"Gate.MinAgreement is {agreement}; it must be 0 to 1, or null.");
        if (MinSnrDb is { } snr && !double.IsFinite(snr)) yield return FormattableString.Invariant($"Gate.MinSnrDb is {snr}; it must be a finite number, or null.");
        if (!(MaxLoss >= 0 && double.IsFinite(MaxLoss))) yield return FormattableString.Invariant($"Gate.MaxLoss is {MaxLoss}; it must be 0 or more.");
    }
}
