using MlServe.Quantization.Evaluation;

namespace MlServe.Quantization;

public static partial class OnnxQuantizer
{
    /// <summary>
    /// Says which operators a static plan with the defaults would quantize for this processor, without samples and without writing.
    /// </summary>
    /// <param name="source">The path of the FP32 model.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The fate that each operator would have, with the reason, in the model's order.</returns>
    /// <exception cref="ModelLoadException">The model cannot be read.</exception>
    /// <exception cref="QuantizationException">The model would be refused; the message says why.</exception>
    public static Task<IReadOnlyList<NodeDecision>> DecideNodesAsync(string source, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        return DryPlan.DecideAsync(source, cancellationToken);
    }

    /// <summary>Finds operators of an already quantized model whose integer types make them slow on this processor.</summary>
    /// <param name="model">The path of the quantized model.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The operators, each with the reason; empty if there are none.</returns>
    /// <exception cref="ModelLoadException">The model cannot be read.</exception>
    public static Task<IReadOnlyList<NodeDecision>> FindSlowNodesAsync(string model, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        return DryPlan.SlowAsync(model, cancellationToken);
    }
}
