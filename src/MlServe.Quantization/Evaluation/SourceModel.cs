using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>The source as its users have it, open to be compared with.</summary>
internal sealed class SourceModel : IAsyncDisposable
{
    private readonly IReadOnlySet<string> _constants;
    private readonly int _threads;

    private SourceModel(OnnxDocument document, OnnxPredictor predictor, GraphSession session, IReadOnlySet<string> constants, int threads)
    {
        Document = document;
        Predictor = predictor;
        Session = session;
        _constants = constants;
        _threads = threads;
    }

    public OnnxDocument Document { get; }

    public OnnxPredictor Predictor { get; }

    public GraphSession Session { get; }

    public ModelSignature Signature => Predictor.Signature;

    /// <param name="document">The model.</param>
    /// <param name="constants">Inputs with defaults that candidates do not have.</param>
    /// <param name="samples">A few samples, to find the batch axis with; may be none.</param>
    /// <param name="threads">Threads that work on one operator.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public static async Task<SourceModel> OpenAsync(
        OnnxDocument document, IReadOnlySet<string> constants, IReadOnlyList<PredictionInputs> samples, int threads,
        CancellationToken cancellationToken)
    {
        var bytes = OnnxFile.ToBytes(document.Model);
        var predictor = await LoadAsync(
            bytes, new() { IntraOpThreads = threads, WarmUpRuns = 0 }, document.Origin, cancellationToken).ConfigureAwait(false);
        if (!predictor.Signature.IsBatchable && samples.Count > 0)
        {
            // Made-up inputs did not show the batch axis: some models take only what makes sense.
            var options = new OnnxModelOptions { IntraOpThreads = threads, WarmUpRuns = 0 };
            foreach (var sample in samples)
                options.SampleInputs.Add(sample);
            await predictor.DisposeAsync().ConfigureAwait(false);
            predictor = await LoadAsync(bytes, options, document.Origin, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return new(document, predictor, GraphSession.Open(bytes, threads: threads, what: document.Origin), constants, threads);
        }
        catch
        {
            await predictor.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes values of samples, which candidates have to take as well.</summary>
    public SampleEncoder Encoder() => new(Signature, _constants);

    /// <summary>Opens a candidate as users will, with the source's batch axes.</summary>
    public Task<OnnxPredictor> LoadCandidateAsync(byte[] model, CancellationToken cancellationToken)
    {
        var options = new OnnxModelOptions { IntraOpThreads = _threads, WarmUpRuns = 0 };
        foreach (var input in Signature.Inputs)
        {
            if (Signature.IsBatchable && input.BatchAxis is { } axis && !_constants.Contains(input.Name))
                options.BatchAxes[input.Name] = axis;
        }

        if (!Signature.IsBatchable) options.BatchDetection = BatchDetection.None;
        return LoadAsync(model, options, "The quantized model", cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Session.Dispose();
        await Predictor.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<OnnxPredictor> LoadAsync(
        byte[] bytes, OnnxModelOptions options, string origin, CancellationToken cancellationToken)
    {
        try
        {
            return await OnnxPredictor.LoadAsync(
                ModelSource.FromBytes(bytes, origin), options, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (ModelLoadException exception)
        {
            var failure = exception.Failure == ModelLoadFailure.WarmUpFailed
                ? QuantizationFailure.InvalidSample
                : QuantizationFailure.InvalidModel;
            throw new QuantizationException(failure, exception.Message, exception);
        }
    }
}
