using System.Collections.Frozen;

namespace MlServe.Quantization;

/// <summary>
/// The evidence that a quantized model has to give before it is written. A demand that cannot be shown, for want of rows say, is not
/// passed. Immutable.
/// </summary>
public sealed record QuantizationGate
{
    /// <summary>
    /// The least speed against the source, measured in turns on this machine, 0 or more: the lower end of its interval has to reach it. It
    /// is asked of methods that compute on integers, which have to be faster than FP32 with its exact rewrites as well. Methods that only
    /// store weights smaller have to be as fast as the source, or to reach <see cref="MinSpeed"/>. 0: not asked. Default: 1.05.
    /// </summary>
    public double MinSpeedup { get; init; } = 1.05;

    /// <summary>
    /// The least speed against the source of a method that only stores weights smaller, 0 to 1, by the lower end of the interval. It holds
    /// if the method was asked for by name (<see cref="QuantizationOptions.Method"/>, <see cref="GateFailureAction.Int8Storage"/>,
    /// <see cref="GateFailureAction.Smaller"/>). If it was not, it has to be as fast as the source, measured twice. 0: not asked. Default:
    /// 0.97, which is about what two runs of one model differ by.
    /// </summary>
    public double MinSpeed { get; init; } = 0.97;

    /// <summary>
    /// The greatest size of the file, as a share of the source's, above 0; null: not asked. 4,096 bytes more are allowed, for the
    /// description of how it was made. Default: 1.
    /// </summary>
    public double? MaxSize { get; init; } = 1;

    /// <summary>
    /// The least share of all rows that answer as the source's do, 0 to 1; null: not asked. Asked of outputs that are classes
    /// (<see cref="OutputMetric.Classes"/>, <see cref="OutputMetric.Sequence"/>) and of labels (<see cref="OutputMetric.Equal"/>), on
    /// samples that nothing was chosen by, and not on made-up inputs. The share of all rows that those compared show at 95 % is the one
    /// that counts. Default: 0.97, which 100 rows show without a miss, or 1,000 with 20.
    /// </summary>
    public double? MinAgreement { get; init; } = 0.97;

    /// <summary>
    /// The least share of rows whose vector (<see cref="OutputMetric.Embedding"/>) has the same nearest neighbour among those compared,
    /// shown at 95 %, 0 to 1; null: not asked. Default: 0.9: neighbours that are as near change places at the least noise.
    /// </summary>
    public double? MinNeighbors { get; init; } = 0.9;

    /// <summary>
    /// The least correlation of ranks (Spearman's) between the similarities of vectors, -1 to 1; null: not asked. Default: 0.98.
    /// </summary>
    public double? MinRankCorrelation { get; init; } = 0.98;

    /// <summary>
    /// The least ratio of signal to noise, in decibels, of every output of numbers that are no vectors, shown at 95 %; null: not asked.
    /// Default: 20, a noise of a tenth.
    /// </summary>
    public double? MinSnrDb { get; init; } = 20;

    /// <summary>
    /// By what outputs are judged, by their names, if it is not to be what their graph, shapes and names say (see
    /// <see cref="OutputComparison.Metric"/>). Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, OutputMetric> Metrics { get; init; } = FrozenDictionary<string, OutputMetric>.Empty;

    /// <summary>
    /// The user's own measure of a model, accuracy say: more is better. It is called with the source and with each candidate that passed
    /// all else, one at a time. An exception that it throws ends the work and is passed on. Default: null.
    /// </summary>
    public Func<IPredictor, CancellationToken, ValueTask<double>>? Evaluate { get; init; }

    /// <summary>
    /// By how much a candidate's measure may lie below the source's, 0 or more, in the measure's own unit. Default: 0.01.
    /// </summary>
    public double MaxLoss { get; init; } = 0.01;

    /// <summary>Whether the user asked for a smaller file by name, which may then be slower.</summary>
    internal bool IsSizeAsked { get; init; } = true;

    internal IEnumerable<string> Validate()
    {
        if (!(MinSpeedup >= 0 && double.IsFinite(MinSpeedup)))
            yield return FormattableString.Invariant($"Gate.MinSpeedup is {MinSpeedup}; it must be 0 or more.");
        if (!(MinSpeed is >= 0 and <= 1)) yield return FormattableString.Invariant($"Gate.MinSpeed is {MinSpeed}; it must be 0 to 1.");
        if (MaxSize is { } size && !(size > 0 && double.IsFinite(size)))
            yield return FormattableString.Invariant($"Gate.MaxSize is {size}; it must be above 0, or null.");
        if (MinAgreement is { } agreement && !(agreement is >= 0 and <= 1))
            yield return FormattableString.Invariant($"Gate.MinAgreement is {agreement}; it must be 0 to 1, or null.");
        if (MinNeighbors is { } neighbors && !(neighbors is >= 0 and <= 1))
            yield return FormattableString.Invariant($"Gate.MinNeighbors is {neighbors}; it must be 0 to 1, or null.");
        if (MinRankCorrelation is { } ranks && !(ranks is >= -1 and <= 1))
            yield return FormattableString.Invariant($"Gate.MinRankCorrelation is {ranks}; it must be -1 to 1, or null.");
        if (MinSnrDb is { } snr && !double.IsFinite(snr))
            yield return FormattableString.Invariant($"Gate.MinSnrDb is {snr}; it must be a finite number, or null.");
        if (!(MaxLoss >= 0 && double.IsFinite(MaxLoss)))
            yield return FormattableString.Invariant($"Gate.MaxLoss is {MaxLoss}; it must be 0 or more.");
        if (Metrics is null) yield return "Gate.Metrics is null; leave it at its default.";
        foreach (var (name, metric) in Metrics ?? FrozenDictionary<string, OutputMetric>.Empty)
        {
            if (!Enum.IsDefined(metric))
                yield return $"Gate.Metrics of '{name}' is {metric}; it must be one of {string.Join(", ", Enum.GetNames<OutputMetric>())}.";
        }
    }
}
