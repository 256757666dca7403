namespace MlServe;

/// <summary>How a layer of a pipeline is made: as a decorator, as a stage, or as a limit of time. One of the three is there.</summary>
internal sealed record PipelineLayer
{
    /// <summary>Makes the decorator.</summary>
    public Func<IPredictor, PipelineContext, IPredictor>? Decorate { get; init; }

    /// <summary>Makes the stage.</summary>
    public Func<IPredictor, PipelineContext, PredictionStage>? Stage { get; init; }

    /// <summary>Says how long the inner layers may take; null: no limit of time.</summary>
    public Func<PipelineContext, TimeSpan>? Limit { get; init; }

    /// <summary>Whether it may take longer than it is told: it calls code of the application's, or waits by itself.</summary>
    public bool MayOverrun { get; init; }

    /// <summary>Whether it asks others after the inner layers have failed, so that a limit inside of it is not one of the whole.</summary>
    public bool AsksOthers { get; init; }

    /// <summary>Whether it runs the model itself, and keeps deadlines although the inner predictor may not.</summary>
    public bool IsModel { get; init; }

    /// <summary>Whether it is the application's, and knows no <see cref="PipelineContext.IsWarmUp"/>.</summary>
    public bool IsForeign { get; init; }

    /// <summary>A limit of time.</summary>
    public static PipelineLayer OfLimit(Func<PipelineContext, TimeSpan> limit) => new() { Limit = limit };

    /// <summary>The layer as a warm-up builds it once more; null: it goes without.</summary>
    /// <param name="made">The layer that was made.</param>
    /// <param name="around">Around which it was made.</param>
    public PipelineLayer? ForWarmUp(IPredictor made, IPredictor around)
    {
        if (!IsForeign) return IsModel ? null : this;
        return made is IWarmable warmable && !ReferenceEquals(made, around)
            ? this with { IsForeign = false, Decorate = (inner, _) => TwinOf(warmable, inner) }
            : null;
    }

    private static IPredictor TwinOf(IWarmable layer, IPredictor inner) =>
        layer.CreateWarmUpTwin(inner) is var twin && !ReferenceEquals(twin, layer) ? twin : throw new InvalidOperationException(
            $"{nameof(IWarmable.CreateWarmUpTwin)} of {layer.GetType().Name} returned the layer itself, "
            + "which would keep traces of the warm-up. Return another around the given predictor.");
}
