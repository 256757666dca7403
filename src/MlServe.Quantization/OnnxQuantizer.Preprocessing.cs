using MlServe.Onnx;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Verification;

namespace MlServe.Quantization;

/// <summary>Makes FP32 ONNX models smaller and faster. Safe to call from any number of threads at once.</summary>
public static partial class OnnxQuantizer
{
    /// <summary>
    /// Makes a model ready to be quantized, without quantizing it. Weights in Constant nodes become initializers, and weights among the
    /// inputs become constants. The operator set is raised, and constants and batch normalization are folded. HardSwish is written as fewer
    /// operators, and all that no output depends on is removed. Some models run faster for it. The result computes the same as the source
    /// but for rounding. It is run against the source, on inputs of several shapes and sizes that are made up, before it is written.
    /// </summary>
    /// <param name="source">The path of an ONNX file; external data is read from its folder.</param>
    /// <param name="destination">The path to write to. It appears whole or not at all; an existing file is replaced.</param>
    /// <param name="options">The steps to do; null for the defaults.</param>
    /// <param name="cancellationToken">Stops the work; no file is written then.</param>
    /// <returns>The steps that were done.</returns>
    /// <exception cref="QuantizationException">The model cannot be read or is too large, or ONNX Runtime refuses it. An operator cannot be
    /// raised to the operator set. The options are out of range, or the destination is the source or cannot be written. The result could
    /// not be compared with the source, or answers otherwise.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static Task<PreprocessingReport> PreprocessAsync(
        string source, string destination, PreprocessingOptions? options = null, CancellationToken cancellationToken = default) =>
        PreprocessAsync(source, destination, null, options, cancellationToken);

    /// <summary>
    /// As <see cref="PreprocessAsync(string, string, PreprocessingOptions?, CancellationToken)"/>, and the result is run against the source
    /// on samples as well.
    /// </summary>
    /// <param name="source">The path of an ONNX file; external data is read from its folder.</param>
    /// <param name="destination">The path to write to. It appears whole or not at all; an existing file is replaced.</param>
    /// <param name="samples">Inputs like those that the model will get, of which the first four are run; null: inputs are made up.</param>
    /// <param name="options">The steps to do; null for the defaults.</param>
    /// <param name="cancellationToken">Stops the work; no file is written then.</param>
    public static async Task<PreprocessingReport> PreprocessAsync(
        string source, string destination, IEnumerable<PredictionInputs>? samples, PreprocessingOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(destination);
        OnnxFile.CheckDestination(source, destination);
        options ??= new();
        var document = await OnnxDocument.ReadAsync(ModelSource.FromFile(source), cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        var removed = ListedWeights.ToRemove(document.Model, options);
        using var given = await CheckSamples.ReadAsync(document, samples, removed, cancellationToken).ConfigureAwait(false);
        var (result, _, check) = await Task.Run(
            () => Preprocess(document, options, given, cancellationToken), cancellationToken).ConfigureAwait(false);
        check.Require("The preprocessed model");
        var bytes = document.ToBytes(result.Model);
        await OnnxFile.WriteAsync(destination, bytes, cancellationToken).ConfigureAwait(false);
        return new()
        {
            Steps = result.Steps,
            RemovedInputs = removed,
            Check = check.Text,
            NodesBefore = NodesOf(document.Model),
            NodesAfter = NodesOf(result.Model),
            BytesBefore = document.SizeInBytes,
            BytesAfter = bytes.Length,
        };
    }

    private static (PreprocessingResult Result, PreprocessingOptions Options, CheckResult Check) Preprocess(
        OnnxDocument document, PreprocessingOptions options, CheckSamples samples, CancellationToken cancellationToken)
    {
        Preprocessor.RequireValid(options);
        using var check = ResultCheck.Of(document.Model, samples.Values, cancellationToken);
        return CheckedPreprocessing.Run(document.Model, options, check, cancellationToken);
    }

    private static int NodesOf(ModelProto model) => Graphs.Of(model).Sum(static graph => graph.Node.Count);
}
