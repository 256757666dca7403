using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>The facts about a loaded model; found with <c>predictor.GetService&lt;OnnxModelDescription&gt;()</c>. Immutable.</summary>
public sealed record OnnxModelDescription
{
    /// <summary>Name, version and digest.</summary>
    public required ModelIdentity Identity { get; init; }

    /// <summary>The origin of the bytes.</summary>
    public required string Origin { get; init; }

    /// <summary>The size of the file in bytes.</summary>
    public required long SizeInBytes { get; init; }

    /// <summary>The facts that the file states about itself: operator sets, operators, weights.</summary>
    public required OnnxModelInfo Info { get; init; }

    /// <summary>
    /// The execution provider in use, in the runtime's words (<c>CPUExecutionProvider</c>); operators that it lacks run on the processor.
    /// </summary>
    public required string ExecutionProvider { get; init; }

    /// <summary>Why providers that were asked for first are not in use; empty if the first is.</summary>
    public required IReadOnlyList<string> ProvidersPassedOver { get; init; }

    /// <summary>The version of the native runtime.</summary>
    public required string RuntimeVersion { get; init; }

    /// <summary>Whether the session was opened from the cache of optimized models.</summary>
    public required bool FromOptimizedCache { get; init; }

    /// <summary>
    /// Whether it was not tried at this load, because the findings of an earlier one lay beside the optimized model (see
    /// <see cref="OnnxModelOptions.OptimizedModelCacheFolder"/>).
    /// </summary>
    public bool FromProfile { get; init; }

    /// <summary>
    /// The evidence on whether a row's answer is the same in any company. <see cref="ModelSignature.BatchingNote"/> says it in words.
    /// </summary>
    public required RowEvidence RowEvidence { get; init; }

    /// <summary>
    /// The operator, and the name of the node, by which rows depend on each other or by which that cannot be told. Null if no node is
    /// known.
    /// </summary>
    public string? RowEvidenceNode { get; init; }

    /// <summary>
    /// The largest share of an output's magnitude by which a row was seen to differ in company, 0 or more. It is infinite if integers,
    /// booleans or texts differed. Null if that was not measured.
    /// </summary>
    public double? RowRounding { get; init; }

    /// <summary>How far the graph is optimized: as the options say, or less if the model fails with that.</summary>
    public required GraphOptimization Optimization { get; init; }

    /// <summary>
    /// The fault of the model although it is loaded, with the runtime's words and the remedy. It answered none of the rows that were made
    /// up for it, or only with less optimization than the options say. Null if there is none, and once it has answered a request with the
    /// optimization that was asked for.
    /// </summary>
    public string? WarmUpFailure { get; init; }

    /// <summary>From reading the file to the end of the warm-up.</summary>
    public required TimeSpan LoadTime { get; init; }
}
