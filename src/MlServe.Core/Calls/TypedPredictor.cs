namespace MlServe;

/// <summary>The typed door over an untyped predictor, which it does not dispose.</summary>
internal sealed class TypedPredictor<TInput, TOutput>(IPredictor predictor, IPredictionMapper<TInput, TOutput> mapper) : IPredictor<TInput, TOutput>
{
    public ValueTask<TOutput> PredictAsync(TInput input, CancellationToken cancellationToken = default)
    {
        var writer = PredictionInputWriter.Rent(predictor.Signature);
        ValueTask<Prediction> pending;
        try
        {
            mapper.Encode(input, writer);
            pending = predictor.PredictAsync(writer.ToInputs(), null, cancellationToken);
        }
        catch
        {
            writer.Return();
            throw;
        }

        return pending.IsCompletedSuccessfully
            ? new(Decode(pending.GetAwaiter().GetResult(), writer))
            : TypedOperation<TInput, TOutput>.Start(this, writer, pending);
    }

    /// <summary>Reads a prediction that is there, and gives the writer's memory back, which nobody reads any more.</summary>
    internal TOutput Decode(Prediction prediction, PredictionInputWriter writer)
    {
        writer.Return();
        using (prediction)
            return mapper.Decode(prediction.EnsureOk());
    }
}
