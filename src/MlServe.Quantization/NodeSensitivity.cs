namespace MlServe.Quantization;

/// <summary>The effect on the model's answers of quantizing one node alone.</summary>
/// <param name="Node">The node (see <see cref="NodeDecision.Node"/>).</param>
/// <param name="OpType">Its operator.</param>
/// <param name="SnrDb">The least ratio of signal to noise of an output, in decibels; infinite if nothing changed, minus infinity if an
/// output was not finite.</param>
/// <param name="Agreement">The least agreement of an output of which the gate asks it; null if there is none.</param>
public sealed record NodeSensitivity(string Node, string OpType, double SnrDb, double? Agreement)
{
    /// <summary>
    /// How much faster the model is than the source with this node alone quantized, exact rewrites included; null if it was not
    /// measured.
    /// </summary>
    public double? Speed { get; init; }
}
