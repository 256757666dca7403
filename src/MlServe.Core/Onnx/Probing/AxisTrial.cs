using MlServe.Onnx.Rows;

namespace MlServe.Onnx.Probing;

/// <summary>The result of trying rows along certain axes.</summary>
/// <param name="Proof">The graph's verdict; null if it could not be read.</param>
/// <param name="Measured">The result of runs.</param>
/// <param name="Dependence">Why the file says that rows depend on each other by rounding; null if it does not.</param>
internal sealed record AxisTrial(RowProof? Proof, MeasuredRows Measured, string? Dependence)
{
    /// <summary>The node that decides.</summary>
    public string? Node { get; init; } = Proof?.Node;

    public RowIndependence Verdict => Proof?.Verdict ?? RowIndependence.Unknown;
}
