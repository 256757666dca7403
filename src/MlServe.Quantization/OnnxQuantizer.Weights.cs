using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization;

public static partial class OnnxQuantizer
{
    /// <summary>
    /// Makes the weights of a model smaller; activations stay FP32, and rows do not influence each other. Nothing is measured, but the
    /// result is run against the source before it is written.
    /// </summary>
    /// <param name="source">The path of the FP32 model.</param>
    /// <param name="destination">The path of the model to write; overwritten if it exists, and only when the new one is whole and was
    /// run.</param>
    /// <param name="options">The method and its options.</param>
    /// <param name="cancellationToken">Gives up; nothing is written then.</param>
    /// <returns>The fate of each node.</returns>
    /// <exception cref="QuantizationException">The model cannot be quantized, or not be written; the message says why. Nothing was
    /// written.</exception>
    public static Task<RewriteReport> QuantizeWeightsAsync(
        string source, string destination, WeightQuantizationOptions options, CancellationToken cancellationToken = default) =>
        QuantizeWeightsAsync(source, destination, null, options, cancellationToken);

    /// <summary>
    /// As <see cref="QuantizeWeightsAsync(string, string, WeightQuantizationOptions, CancellationToken)"/>, and the result is run against
    /// the source on samples as well.
    /// </summary>
    /// <param name="source">The path of the FP32 model.</param>
    /// <param name="destination">The path of the model to write; overwritten if it exists, and only when the new one is whole and was
    /// run.</param>
    /// <param name="samples">Inputs like those that the model will get, of which the first four are run; null: inputs are made up.</param>
    /// <param name="options">The method and its options.</param>
    /// <param name="cancellationToken">Gives up; nothing is written then.</param>
    public static Task<RewriteReport> QuantizeWeightsAsync(
        string source, string destination, IEnumerable<PredictionInputs>? samples, WeightQuantizationOptions options,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        ArgumentException.ThrowIfNullOrWhiteSpace(destination);
        ArgumentNullException.ThrowIfNull(options);
        ModelRewriting.RequireValid(options.Validate());
        var plan = new QuantizationPlan
        {
            SourceDigest = "",
            Method = options.Method,
            Target = Processor.Current,
            PerChannel = options.PerChannel,
            BlockSize = options.BlockSize,
            Preprocessing = options.Preprocessing,
            ExcludedNodes = [.. options.ExcludedNodes],
            MinMultiplications = options.MinMultiplications,
        };
        return ModelRewriting.RunAsync(source, destination, samples, plan, cancellationToken);
    }
}
