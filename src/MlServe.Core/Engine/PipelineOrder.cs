namespace MlServe;

/// <summary>
/// The places of limits of time. Each bounds all that is inside of the fallback chain, or of the whole pipeline if there is none, also
/// layers that were added before it. So it moves outwards past every layer that may overrun. If there is such a layer and no limit, one
/// stands around it for the time that callers give.
/// </summary>
internal static class PipelineOrder
{
    /// <param name="layers">The layers as they were added, outermost first.</param>
    /// <param name="innerMayOverrun">Whether the predictor at the end may.</param>
    public static List<PipelineLayer> Of(List<PipelineLayer> layers, bool innerMayOverrun)
    {
        var order = new List<PipelineLayer>(layers.Count + 1);
        for (var first = 0; first <= layers.Count;)
        {
            var end = first;
            while (end < layers.Count && !layers[end].AsksOthers)
                end++;
            AddPart(order, layers, first, end, innerMayOverrun && end == layers.Count);
            if (end < layers.Count) order.Add(layers[end]);
            first = end + 1;
        }

        return order;
    }

    private static void AddPart(List<PipelineLayer> order, List<PipelineLayer> layers, int first, int end, bool innerMayOverrun)
    {
        var limits = layers.GetRange(first, end - first)
            .Where(static layer => layer.Limit is not null)
            .Select(static layer => layer.Limit!).ToArray();
        var place = layers.FindIndex(first, end - first, static layer => layer.MayOverrun || layer.Limit is not null);
        if (place < 0) place = end;
        for (var i = first; i < end; i++)
        {
            if (i == place) order.Add(LimitOf(limits));
            if (layers[i].Limit is null) order.Add(layers[i]);
        }

        if (place == end && innerMayOverrun) order.Add(LimitOf(limits));
    }

    private static PipelineLayer LimitOf(Func<PipelineContext, TimeSpan>[] limits)
    {
        if (limits.Length == 0) return PipelineLayer.OfLimit(static _ => Timeout.InfiniteTimeSpan);
        if (limits.Length == 1) return PipelineLayer.OfLimit(limits[0]);
        return PipelineLayer.OfLimit(context => limits.Select(limit => limit(context))
            .Where(static limit => limit != Timeout.InfiniteTimeSpan)
            .DefaultIfEmpty(Timeout.InfiniteTimeSpan).Min());
    }
}
