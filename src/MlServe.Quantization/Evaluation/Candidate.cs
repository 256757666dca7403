namespace MlServe.Quantization.Evaluation;

/// <summary>A model that was made and measured, or the reason why there is none.</summary>
internal sealed record Candidate
{
    public required QuantizationPlan Plan { get; init; }

    public required string Description { get; init; }

    /// <summary>The file's content; null if the model could not be made, or is refused by the runtime.</summary>
    public byte[]? Bytes { get; init; }

    public IReadOnlyList<NodeDecision> Decisions { get; init; } = [];

    public Measurement? Measurement { get; init; }

    public required IReadOnlyList<GateCheck> Checks { get; init; }

    public bool Passed => Checks.All(static check => check.Passed);

    /// <summary>Whether it is fast or small enough or not, but answers as it should.</summary>
    public bool IsAccurate =>
        Measurement is not null
        && Checks.All(static check => check.Passed || check.Name is GateJudge.Speed or GateJudge.Rewrites or GateJudge.Size);

    /// <summary>Whether it failed for nothing but its speed, and that may have been the moment's.</summary>
    public bool IsCloseCall => !Passed && IsAccurate && GateJudge.IsSpeedInDoubt(Checks);

    public string Reason => string.Join("; ", Checks.Where(static check => !check.Passed).Select(static check => check.Text));

    public double Ratio => Measurement?.Speed.Ratio ?? 0;

    /// <summary>How near its answers are to the source's, to choose between two that are not near enough: shares before noise.</summary>
    public double Nearness => Measurement?.Comparison is { } comparison
        ? ((comparison.WorstAgreement
            ?? 1) * 1000) + ((comparison.WorstRankCorrelation ?? 1) * 1000) + Math.Clamp(comparison.WorstSnrDb ?? 0, -50, 200)
        : double.NegativeInfinity;

    /// <summary>
    /// Whether to look further from it rather than from another. The faster wins if both answer as they should; else one that is not too
    /// slow; else the nearer.
    /// </summary>
    public bool IsBetterStartThan(Candidate other)
    {
        if (IsAccurate && other.IsAccurate) return Ratio > other.Ratio;
        if (IsAccurate != other.IsAccurate) return IsAccurate;
        return IsTooSlow == other.IsTooSlow ? Nearness > other.Nearness : other.IsTooSlow;
    }

    private bool IsTooSlow =>
        Checks.Any(static check => check.Name is GateJudge.Speed or GateJudge.Rewrites && check.Outcome == CheckOutcome.NotHeld);

    public SearchStep ToStep(IReadOnlyList<string> leftOut) => new()
    {
        Description = Description,
        Method = Plan.Method,
        ExcludedNodes = leftOut,
        MinMultiplications = Plan.MinMultiplications,
        QuantizedNodes = Decisions.Count(static decision => decision.IsQuantized),
        Speed = Measurement?.Speed,
        Agreement = Measurement?.Comparison.WorstAgreement,
        RankCorrelation = Measurement?.Comparison.WorstRankCorrelation,
        SnrDb = Measurement?.Comparison.WorstSnrDb,
        Metric = Measurement?.Metric,
        SizeInBytes = Bytes?.Length ?? 0,
        IsFinal = Measurement?.IsFinal == true,
        Passed = Passed,
        Reason = Reason,
    };
}
