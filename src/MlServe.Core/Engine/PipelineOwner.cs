using System.Diagnostics.CodeAnalysis;

namespace MlServe;

/// <summary>
/// A pipeline that a host has built, with the right to end it. The predictor is handed to code that may be used to disposing what it gets:
/// that does nothing. Made by <see cref="PredictorBuilder.BuildOwned"/>.
/// </summary>
[Experimental("MLSERVE001")]
public sealed class PipelineOwner : IDisposable, IAsyncDisposable
{
    private readonly Pipeline _pipeline;

    internal PipelineOwner(Pipeline pipeline)
    {
        _pipeline = pipeline;
        _pipeline.IsHeld = true;
    }

    /// <summary>The pipeline. Disposing it does nothing; safe for concurrent use.</summary>
    public IPredictor Predictor => _pipeline;

    /// <summary>
    /// Ends the pipeline, outermost layer first, and those beneath one that throws as well, whose exception is thrown in the end.
    /// Predictions throw <see cref="ObjectDisposedException"/> from then on.
    /// </summary>
    public void Dispose()
    {
        _pipeline.IsHeld = false;
        _pipeline.Dispose();
    }

    /// <inheritdoc cref="Dispose" />
    /// <returns>Ends when all layers have ended.</returns>
    public ValueTask DisposeAsync()
    {
        _pipeline.IsHeld = false;
        return _pipeline.DisposeAsync();
    }
}
