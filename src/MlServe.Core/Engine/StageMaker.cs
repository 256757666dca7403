namespace MlServe;

/// <summary>Makes the stages of layers that stand together.</summary>
internal static class StageMaker
{
    /// <summary>Makes stages from the innermost on, so that each sees those behind it, and puts them around a predictor.</summary>
    /// <param name="layers">Layers that are stages or limits, outermost first.</param>
    /// <param name="inner">The predictor behind them.</param>
    /// <param name="context">The services that stages find there.</param>
    /// <param name="made">Takes the objects to dispose.</param>
    /// <returns>The stages around the predictor; the predictor itself if there are none.</returns>
    public static IPredictor Make(
        IReadOnlyList<PipelineLayer> layers, IPredictor inner, PipelineContext context, List<IPredictor> made)
    {
        var stages = new List<PredictionStage>();
        var outermost = inner;
        try
        {
            for (var i = layers.Count - 1; i >= 0; i--)
            {
                if (stages.Count == StagedPredictor.MaxStages)
                {
                    made.Add(outermost);
                    inner = outermost;
                    stages = [];
                }

                if (MakeOne(layers[i], outermost, context) is not { } stage) continue;
                stages.Insert(0, stage);
                outermost = new StagedPredictor(inner, [.. stages], context.Time);
            }
        }
        catch
        {
            foreach (var stage in stages)
                stage.Dispose();
            throw;
        }

        if (stages.Count > 0) made.Add(outermost);
        return outermost;
    }

    private static PredictionStage? MakeOne(PipelineLayer layer, IPredictor inner, PipelineContext context)
    {
        if (layer.Limit is not { } limit) return layer.Stage!(inner, context);
        var time = limit(context);
        return time == Timeout.InfiniteTimeSpan ? null : new LimitStage(new(time));
    }
}
