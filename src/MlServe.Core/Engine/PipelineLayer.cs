namespace MlServe;

/// <summary>How a layer of a pipeline is made: as a decorator, or as a stage.</summary>
/// <param name="Decorate">Makes the decorator.</param>
/// <param name="Stage">Makes the stage.</param>
/// <param name="Twin">How its twin for a warm-up is made; null: a layer of the application's, which may be an <see cref="IWarmable"/>.</param>
internal sealed record PipelineLayer(
    Func<IPredictor, IServiceProvider, IPredictor>? Decorate, Func<IPredictor, IServiceProvider, PredictionStage>? Stage, PipelineLayer? Twin)
{
    /// <summary>How the twin of an application's layer is made; null: it has none, and a warm-up goes without it.</summary>
    public static PipelineLayer? TwinOf(IPredictor layer, IPredictor around) => layer is IWarmable warmable && !ReferenceEquals(layer, around)
        ? new((inner, _) => warmable.CreateWarmUpTwin(inner) is var twin && !ReferenceEquals(twin, warmable) ? twin : throw ItsOwnTwin(layer), null, null)
        : null;

    private static InvalidOperationException ItsOwnTwin(IPredictor layer) => new(
        $"{nameof(IWarmable.CreateWarmUpTwin)} of {layer.GetType().Name} returned the layer itself, which would keep traces of the warm-up. Return another around the given predictor.");
}
