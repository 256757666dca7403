namespace MlServe;

/// <summary>How a layer of a pipeline is made: as a decorator, as a stage, or as a limit of time.</summary>
/// <param name="Decorate">Makes the decorator.</param>
/// <param name="Stage">Makes the stage.</param>
/// <param name="Twin">How its twin for a warm-up is made; null: a layer of the application's, which may be an <see cref="IWarmable"/>.</param>
internal sealed record PipelineLayer(
    Func<IPredictor, IServiceProvider, IPredictor>? Decorate, Func<IPredictor, IServiceProvider, PredictionStage>? Stage, PipelineLayer? Twin)
{
    /// <summary>Whether it may take longer than it is told: it calls code of the application's, or waits by itself.</summary>
    public bool MayOverrun { get; init; }

    /// <summary>Whether it asks others after what is inside of it has failed, so that a limit inside of it is not one of the whole.</summary>
    public bool AsksOthers { get; init; }

    /// <summary>Whether it runs the model itself, and keeps deadlines whatever the predictor inside does.</summary>
    public bool IsModel { get; init; }

    /// <summary>Says how long what is inside may take; null: no limit of time.</summary>
    public Func<IServiceProvider, TimeSpan>? Limit { get; init; }

    /// <summary>A limit of time; its twin is another of the same.</summary>
    public static PipelineLayer OfLimit(Func<IServiceProvider, TimeSpan> limit)
    {
        var layer = new PipelineLayer(null, null, null) { Limit = limit };
        return layer with { Twin = layer };
    }

    /// <summary>How the twin of an application's layer is made; null: it has none, and a warm-up goes without it.</summary>
    public static PipelineLayer? TwinOf(IPredictor layer, IPredictor around) => layer is IWarmable warmable && !ReferenceEquals(layer, around)
        ? new((inner, _) => warmable.CreateWarmUpTwin(inner) is var twin && !ReferenceEquals(twin, warmable) ? twin : throw ItsOwnTwin(layer), null, null) { MayOverrun = true }
        : null;

    private static InvalidOperationException ItsOwnTwin(IPredictor layer) => new(
        $"{nameof(IWarmable.CreateWarmUpTwin)} of {layer.GetType().Name} returned the layer itself, which would keep traces of the warm-up. Return another around the given predictor.");
}
