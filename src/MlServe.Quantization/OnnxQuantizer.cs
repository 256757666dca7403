using MlServe.Onnx;
using MlServe.Quantization.Evaluation;
using MlServe.Quantization.Model;

namespace MlServe.Quantization;

public static partial class OnnxQuantizer
{
    /// <summary>
    /// Quantizes a model in the way that suits it, and measures the result against the source in answers, speed and size. It is written
    /// only if it passes the gate. Else nodes that do most harm stay FP32, or the weights are only stored smaller, or FP32 is written (see
    /// <see cref="QuantizationOptions.OnGateFailure"/>). A file in which nothing is INT8 is not called so: if the destination's name holds
    /// "int8", "fp32" stands in its place then (<see cref="QuantizationReport.Destination"/>).
    /// </summary>
    /// <param name="source">The path of an FP32 <c>.onnx</c> file, with its weights inside or in other files of its folder; below 2
    /// GB.</param>
    /// <param name="destination">The file to write, another than the source. It is written whole or not at all.</param>
    /// <param name="options">Samples, gate and all else; null: the defaults, without samples.</param>
    /// <param name="cancellationToken">Gives it up: the best that has passed its gate by then is written
    /// (<see cref="QuantizationReport.EndedEarly"/>); if none has, nothing is.</param>
    /// <returns>The work that was done, and the measurements.</returns>
    /// <exception cref="QuantizationException">It cannot be quantized, or not as asked. No file was written or changed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled before anything had passed its gate.
    /// No file was written or changed.</exception>
    /// <remarks>Exceptions of the samples, of the gate's measure and of the progress are passed on; no file is written then.</remarks>
    public static Task<QuantizationReport> QuantizeAsync(
        string source, string destination, QuantizationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        ArgumentException.ThrowIfNullOrWhiteSpace(destination);
        return WriteAsync(source, Path.GetFullPath(destination), options ?? new(), cancellationToken);
    }

    private static async Task<QuantizationReport> WriteAsync(
        string source, string destination, QuantizationOptions options, CancellationToken cancellationToken)
    {
        QuantizationRun.RequireValid(options);
        OnnxFile.CheckDestination(source, destination);
        var (report, model) = await MakeAsync(ModelSource.FromFile(source), destination, options, cancellationToken).ConfigureAwait(false);
        report = report with { Destination = HonestName.Of(source, destination, report.Method, report.Plan.SourceDigest) };

        // What passed its gate is kept, whenever the caller gives up.
        await OnnxFile.WriteAsync(
            report.Destination, model, report.Plan.KeepsOriginal ? cancellationToken : CancellationToken.None).ConfigureAwait(false);
        return report;
    }

    /// <summary>Makes a model, and writes nothing.</summary>
    /// <param name="source">The model.</param>
    /// <param name="destination">The destination that the report names.</param>
    /// <param name="options">The options.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    internal static Task<(QuantizationReport Report, byte[] Model)> MakeAsync(
        IModelSource source, string destination, QuantizationOptions options, CancellationToken cancellationToken) => Task.Run(
            () => options.Plan is { } plan
                ? new PlanReplay(source, destination, plan, options, cancellationToken).RunAsync()
                : new QuantizationRun(source, destination, options, cancellationToken).RunAsync(),
            cancellationToken);

    /// <summary>
    /// As <see cref="QuantizeAsync"/>, with ranges that are calibrated on samples (<see cref="QuantizationMethod.Static"/>).
    /// </summary>
    /// <param name="source">The path of an FP32 <c>.onnx</c> file.</param>
    /// <param name="destination">The file to write, another than the source.</param>
    /// <param name="samples">Inputs like those that the model will get, one or more rows each; enumerated several times.</param>
    /// <param name="options">All else; null: the defaults. Its method and its samples do not count.</param>
    /// <param name="cancellationToken">Gives it up; nothing is written then.</param>
    /// <inheritdoc cref="QuantizeAsync" path="/exception" />
    public static Task<QuantizationReport> QuantizeStaticAsync(
        string source, string destination, IEnumerable<PredictionInputs> samples, QuantizationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return QuantizeAsync(
            source, destination, (options ?? new()).CalibrateWith(samples) with { Method = QuantizationMethod.Static }, cancellationToken);
    }

    /// <summary>Quantizes one node at a time and tells what each does to the answers, most harmful first. Writes nothing.</summary>
    /// <param name="source">The path of an FP32 <c>.onnx</c> file.</param>
    /// <param name="options">Samples and method; the first eight samples are compared on, and
    /// <see cref="QuantizationOptions.SearchBudget"/> bounds the time.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <inheritdoc cref="QuantizeAsync" path="/exception" />
    public static Task<SensitivityReport> AnalyzeAsync(
        string source, QuantizationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        return Task.Run(
            () => new SensitivityRun(ModelSource.FromFile(source), options ?? new(), cancellationToken).RunAsync(), cancellationToken);
    }
}
