using System.Text.Json.Serialization;
using MlServe.Quantization;

namespace MlServe.Cli.Output;

/// <summary>The findings about a model.</summary>
internal sealed record ModelReport
{
    public required string File { get; init; }

    public required long Bytes { get; init; }

    public required string Digest { get; init; }

    public required string Producer { get; init; }

    public required long IrVersion { get; init; }

    public required IReadOnlyDictionary<string, long> Opsets { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    public required IReadOnlyList<ValueReport> Inputs { get; init; }

    public required IReadOnlyList<ValueReport> Outputs { get; init; }

    public required long Nodes { get; init; }

    public required IReadOnlyList<OperatorReport> Operators { get; init; }

    public required IReadOnlyList<WeightReport> Weights { get; init; }

    public required int ExternalFiles { get; init; }

    /// <summary>Null if it was only read.</summary>
    public LoadReport? Loaded { get; init; }

    public required QuantizationState Quantization { get; init; }

    internal sealed record ValueReport(string Name, string Type, bool HasDefault);

    internal sealed record OperatorReport(string Domain, string Operator, long InMainGraph, long InSubgraphs, long InFunctions);

    internal sealed record WeightReport(string ElementType, long Count, long Bytes);

    /// <param name="Signature">What goes in and what comes out.</param>
    /// <param name="IsBatchable">Whether rows can be run together.</param>
    /// <param name="BatchAxes">The axis of each input that has one.</param>
    /// <param name="RowsAreIndependent">Whether a row's answer is the same in any company.</param>
    /// <param name="BatchingNote">How that was found.</param>
    /// <param name="Problem">Why it could not be opened; null where it was.</param>
    internal sealed record LoadReport(
        string Signature, bool IsBatchable, IReadOnlyDictionary<string, int> BatchAxes, bool RowsAreIndependent, string BatchingNote,
        string? Problem = null);

    /// <param name="IsQuantized">Whether it works on integers already.</param>
    /// <param name="Method">How MlServe made it; null where it did not.</param>
    /// <param name="IsBatchDependent">Whether a row's answer depends on its neighbours because of how it was quantized.</param>
    /// <param name="Refusal">Why it would be refused; null where it would not.</param>
    /// <param name="Decisions">What would become of each node.</param>
    internal sealed record QuantizationState(
        bool IsQuantized, string? Method, bool IsBatchDependent, string? Refusal,
        [property: JsonPropertyName("nodes")] IReadOnlyList<NodeDecision> Decisions)
    {
        /// <summary>Nodes that are on integers already, of types that the runtime is slow with, and what that costs.</summary>
        public IReadOnlyList<NodeDecision> Slow { get; init; } = [];
    }
}
