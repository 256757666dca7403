using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;

namespace MlServe.Quantization.Runtime;

/// <summary>One model, open in the native runtime on the processor. Safe for concurrent runs.</summary>
internal sealed class GraphSession : IDisposable
{
    private readonly RunOptions _runOptions = new();

    private GraphSession(InferenceSession session, int threads)
    {
        Session = session;
        Threads = threads;
        InputNames = session.InputNames;
        OutputNames = session.OutputNames;
    }

    public InferenceSession Session { get; }

    /// <summary>Threads that work on one operator; if it is one, all work is done on the thread that runs.</summary>
    public int Threads { get; }

    public IReadOnlyList<string> InputNames { get; }

    public IReadOnlyList<string> OutputNames { get; }

    /// <summary>Opens a model. A refusal of the runtime is a <see cref="QuantizationException"/> with its own words.</summary>
    /// <param name="model">The bytes of the model.</param>
    /// <param name="level">How far the graph is optimized.</param>
    /// <param name="savePath">The path of the optimized graph; null: it is not written.</param>
    /// <param name="threads">Threads that work on one operator.</param>
    /// <param name="what">The name of the model, for messages.</param>
    /// <param name="profilePrefix">How the name of a profile of its runs begins; null: none is written.</param>
    public static GraphSession Open(
        byte[] model, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_ENABLE_ALL, string? savePath = null, int threads = 1,
        string what = "The model", string? profilePrefix = null)
    {
        OnnxRuntimeEnvironment.Start();
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = level,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (savePath is not null) options.OptimizedModelFilePath = savePath;
        if (profilePrefix is not null)
        {
            options.ProfileOutputPathPrefix = profilePrefix;
            options.EnableProfiling = true;

            // Weights that were packed for the processor are let go, and then have no shape in the profile.
            options.AddSessionConfigEntry("session.disable_prepacking", "1");
        }

        try
        {
            using (SessionTurn.Take())
                return new(new InferenceSession(model, options), threads);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidOperationException or NotSupportedException
            or ArgumentException)
        {
            throw new QuantizationException(
                QuantizationFailure.InvalidModel, $"{what} is refused by ONNX Runtime: {exception.Message}", exception);
        }
    }

    /// <summary>Runs a sample; the outputs are the caller's to dispose.</summary>
    public IDisposableReadOnlyCollection<OrtValue> Run(EncodedSample sample, IReadOnlyCollection<string> outputs)
    {
        try
        {
            return Session.Run(_runOptions, sample.Values, outputs);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new QuantizationException(
                QuantizationFailure.InvalidSample, $"The model refuses sample {sample.Index}: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        _runOptions.Dispose();
        Session.Dispose();
    }
}
