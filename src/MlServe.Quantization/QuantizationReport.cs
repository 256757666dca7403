using System.Text.Json;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Reporting;

namespace MlServe.Quantization;

/// <summary>The report of a quantization: the work on the model, its reasons, and the measurements. Immutable.</summary>
public sealed record QuantizationReport
{
    /// <summary>The origin of the source.</summary>
    public required string Source { get; init; }

    /// <summary>The file that was written; "memory" if a cache has not kept it.</summary>
    public required string Destination { get; init; }

    /// <summary>The method of the model that was written.</summary>
    public required QuantizationMethod Method { get; init; }

    /// <summary>Why it was that method.</summary>
    public required string MethodReason { get; init; }

    /// <summary>Why it is not the method that was tried first; null if it is.</summary>
    public string? FallbackReason { get; init; }

    /// <summary>Whether the model that was written passed every check of the gate; null if nothing was measured.</summary>
    public bool? Passed { get; init; }

    /// <summary>The gate's demands on the model that was written, and the values that were found.</summary>
    public IReadOnlyList<GateCheck> Checks { get; init; } = [];

    /// <summary>The fate of each operator that could have been quantized.</summary>
    public IReadOnlyList<NodeDecision> Nodes { get; init; } = [];

    /// <summary>The steps of preprocessing, a sentence each.</summary>
    public IReadOnlyList<string> Preprocessing { get; init; } = [];

    /// <summary>The operators that ONNX Runtime runs after its own fusions, with how many there are of each.</summary>
    public IReadOnlyDictionary<string, int> FusedOperators { get; init; } = new Dictionary<string, int>();

    /// <summary>The size of the source in bytes, weights in other files among them.</summary>
    public required long SourceBytes { get; init; }

    /// <summary>The size of the written file in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>Speed against the source; null if it was not measured.</summary>
    public SpeedEstimate? Speed { get; init; }

    /// <summary>
    /// Speed of FP32 with its exact rewrites against the source; null if nothing was rewritten or it was not measured.
    /// </summary>
    public SpeedEstimate? RewrittenSpeed { get; init; }

    /// <summary>
    /// Speed against FP32 with its exact rewrites, measured in turns with it; null if nothing was rewritten or it was not measured.
    /// </summary>
    public SpeedEstimate? AgainstRewrittenSpeed { get; init; }

    /// <summary>How the outputs agree with the source's.</summary>
    public IReadOnlyList<OutputComparison> Outputs { get; init; } = [];

    /// <summary>The user's measure of the source; null if there is none.</summary>
    public double? SourceMetric { get; init; }

    /// <summary>The user's measure of the model that was written; null if there is none.</summary>
    public double? Metric { get; init; }

    /// <summary>Every candidate that was measured, in order.</summary>
    public IReadOnlyList<SearchStep> SearchSteps { get; init; } = [];

    /// <summary>The nodes by the harm that each does; null if no search needed it.</summary>
    public SensitivityReport? Sensitivity { get; init; }

    /// <summary>Samples that ranges were taken from.</summary>
    public int CalibrationSamples { get; init; }

    /// <summary>Samples that answers were compared on, which nothing was chosen by.</summary>
    public int ComparedSamples { get; init; }

    /// <summary>Rows of the sample that speed was measured with.</summary>
    public int SpeedRows { get; init; }

    /// <summary>
    /// Operations of the source's matrix products, convolutions and recurrent layers in one run of the sample that speed was measured with.
    /// A multiplication and an addition count as two. Products with the zeros around an input are counted, all else is not. Null if nothing
    /// was measured or they could not all be counted. Not counted are operators of other makers, attention and the like, lengths of
    /// sequences, and loops of more than 250 ms.
    /// </summary>
    public long? Operations { get; init; }

    /// <summary>
    /// <see cref="Operations"/> a second of the model that was written, as a share of the most that one core can do, about 0 to 1. The most
    /// is <see cref="MachineDescription.IntegerPeak"/> if the model was made to compute on integers. It is
    /// <see cref="MachineDescription.FloatPeak"/> if the model is FP32, or stores weights smaller and no more. Null if one of these is not
    /// known, there is nothing to count, or several threads worked.
    /// </summary>
    public double? PeakShare => ShareOf(Speed?.ModelMilliseconds, ComputesOnIntegers ? Machine.IntegerPeak : Machine.FloatPeak);

    /// <summary>The same of the source, as a share of <see cref="MachineDescription.FloatPeak"/>.</summary>
    public double? SourcePeakShare => ShareOf(Speed?.SourceMilliseconds, Machine.FloatPeak);

    /// <summary>The limits of these figures, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Whether a row's answer depends on its neighbours in the batch, because ranges are taken over each run.</summary>
    public bool IsBatchDependent { get; init; }

    /// <summary>Whether something better was refused for nothing but its speed, by less than the noise of the measurement.</summary>
    internal bool IsCloseCall { get; init; }

    /// <summary>That time was over before anything had passed, and how long it may take; null: it was not.</summary>
    internal string? EndOfTime { get; init; }

    /// <summary>On what it was measured.</summary>
    public required MachineDescription Machine { get; init; }

    /// <summary>The choices, to make the same file again.</summary>
    public required QuantizationPlan Plan { get; init; }

    /// <summary>
    /// Whether the work ended before its time, because the caller cancelled it or <see cref="QuantizationOptions.SearchBudget"/> was over:
    /// something better may not have been tried.
    /// </summary>
    public bool EndedEarly { get; init; }

    /// <summary>
    /// Whether anything in the written file is INT8 (or, by <see cref="QuantizationMethod.NBits4"/>, less): weights, or operators.
    /// </summary>
    public bool IsQuantized => Method is not (QuantizationMethod.None or QuantizationMethod.Fp16Storage);

    /// <summary>Whether the speed of the written model is held against the core's peak on integers.</summary>
    internal bool ComputesOnIntegers => GateJudge.IsForSpeed(Method);

    /// <summary>All of it as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReportJson.Default.QuantizationReport);

    /// <summary>The report as a short text of at most 40 lines.</summary>
    public override string ToString() => ReportText.Of(this);

    private double? ShareOf(double? milliseconds, double? peak) =>
        Machine.Threads == 1 && Operations is > 0 and var operations && milliseconds > 0 && peak > 0
            ? operations / (milliseconds * 1e-3) / (peak * 1e9)
            : null;
}
