using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization;

/// <summary>Makes FP32 ONNX models smaller and faster. Safe for concurrent use.</summary>
public static partial class OnnxQuantizer
{
    /// <summary>
    /// Writes matrix products and LSTMs with integers whose scales are found in each run, so that no samples are needed. A row's answer
    /// then depends a little on its neighbours in a batch. The model's metadata says so (<c>mlserve.batch-dependent</c>), and
    /// <c>UseBatching</c> refuses it unless it is accepted. Convolutions stay as they are. Nothing is measured, but the result is run
    /// against the source before it is written.
    /// </summary>
    /// <param name="source">The path of the FP32 model.</param>
    /// <param name="destination">The path of the model to write; overwritten if it exists, and only when the new one is whole and was
    /// run.</param>
    /// <param name="options">The method and its options; null: the defaults.</param>
    /// <param name="cancellationToken">Gives up; nothing is written then.</param>
    /// <returns>The fate of each node.</returns>
    /// <exception cref="QuantizationException">The model cannot be quantized, or not be written; the message says why. Nothing was
    /// written.</exception>
    public static Task<RewriteReport> QuantizeDynamicAsync(
        string source, string destination, DynamicQuantizationOptions? options = null, CancellationToken cancellationToken = default) =>
        QuantizeDynamicAsync(source, destination, null, options, cancellationToken);

    /// <summary>
    /// As <see cref="QuantizeDynamicAsync(string, string, DynamicQuantizationOptions?, CancellationToken)"/>, and the result is run against
    /// the source on samples as well.
    /// </summary>
    /// <param name="source">The path of the FP32 model.</param>
    /// <param name="destination">The path of the model to write; overwritten if it exists, and only when the new one is whole and was
    /// run.</param>
    /// <param name="samples">Inputs like those that the model will get, of which the first four are run; null: inputs are made up.</param>
    /// <param name="options">The options; null: the defaults.</param>
    /// <param name="cancellationToken">Gives up; nothing is written then.</param>
    public static Task<RewriteReport> QuantizeDynamicAsync(
        string source, string destination, IEnumerable<PredictionInputs>? samples, DynamicQuantizationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        ArgumentException.ThrowIfNullOrWhiteSpace(destination);
        options ??= new();
        ModelRewriting.RequireValid(options.Validate());
        var plan = new QuantizationPlan
        {
            SourceDigest = "",
            Method = QuantizationMethod.Dynamic,
            Target = Processor.Resolve(options.Target),
            PerChannel = options.PerChannel,
            Preprocessing = options.Preprocessing,
            ExcludedNodes = [.. options.ExcludedNodes],
            MinMultiplications = options.MinMultiplications,
        };
        return ModelRewriting.RunAsync(source, destination, samples, plan, cancellationToken);
    }
}
