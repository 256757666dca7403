namespace MlServe.Batching;

/// <summary>A request of more rows than a batch holds: cut into parts that ride in batches of their own, and joined again.</summary>
internal static class SplitRequest
{
    public static async ValueTask<Prediction> RunAsync(
        BatchingPredictor predictor,
        BatchContext context,
        BatchQueue queue,
        PredictionInputs inputs,
        PreparedRequest request,
        long now,
        long deadline,
        CancellationToken cancellationToken)
    {
        var limit = Math.Min(queue.Limit, context.Memory.Capacity);
        var count = ((request.Rows - 1) / limit) + 1;
        var pending = new List<ValueTask<Prediction>>(count);

        // The request was counted as one. All before the first is placed: answered at once, it would let a predictor that is being disposed
        // end before the others.
        context.InFlight.AddParts(count - 1);
        for (var row = 0; row < request.Rows; row += limit)
        {
#pragma warning disable CA2012 // Each is awaited exactly once, below.
            pending.Add(predictor.Place(
                queue, in inputs, in request, row, Math.Min(limit, request.Rows - row), now, deadline, cancellationToken));
#pragma warning restore CA2012
        }

        var parts = new Prediction[pending.Count];
        Exception? failure = null;
        for (var i = 0; i < parts.Length; i++)
        {
            try
            {
                parts[i] = await pending[i].ConfigureAwait(false);
            }
            catch (OperationCanceledException exception)
            {
                failure = exception;
            }
        }

        using var list = new PredictionList(parts);
        if (failure is not null) throw new OperationCanceledException(cancellationToken);
        foreach (var part in parts)
        {
            if (!part.IsOk) return Prediction.FromError(part.Error);
        }

        return PredictionJoin.Join(parts, request.Outputs);
    }
}
