using System.Runtime.ExceptionServices;

namespace MlServe;

/// <summary>The typed door over an untyped predictor, which it does not dispose.</summary>
internal sealed class TypedPredictor<TInput, TOutput>(IPredictor predictor, IPredictionMapper<TInput, TOutput> mapper)
    : IPredictor<TInput, TOutput>
{
    private static readonly PredictionError NotKnown = new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded,
        "The model is not loaded yet, so its inputs are not known. Ask again later, or await IPredictorProvider.LoadAsync first.");

    public ValueTask<TOutput> PredictAsync(TInput input, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        try
        {
            var signature = predictor.Signature;
            return signature.IsKnown
                ? Start(PredictionInputWriter.Rent(signature), input, options, cancellationToken)
                : ValueTask.FromException<TOutput>(new PredictionException(NotKnown));
        }
#pragma warning disable CA1031 // Whatever it is, the model's or the mapper's: who awaits later hears of it, and nobody else.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return exception is OperationCanceledException && cancellationToken.IsCancellationRequested
                ? ValueTask.FromCanceled<TOutput>(cancellationToken)
                : ValueTask.FromException<TOutput>(exception);
        }
    }

    private ValueTask<TOutput> Start(
        PredictionInputWriter writer, TInput input, PredictionOptions? options, CancellationToken cancellationToken)
    {
        ValueTask<Prediction> pending;
        try
        {
            mapper.Encode(input, writer);
            pending = predictor.PredictAsync(writer.ToInputs(), options, cancellationToken);
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

    /// <summary>As many predictions of the untyped predictor, so that those that are refused cost no exception.</summary>
    public async ValueTask<IReadOnlyList<PredictionResult<TOutput>>> PredictManyAsync(
        IReadOnlyList<TInput> inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var results = new PredictionResult<TOutput>[inputs.Count];
        var writers = new PredictionInputWriter?[results.Length];
        var pending = new ValueTask<Prediction>[results.Length];
        Exception? failure = null;
        for (var i = 0; i < results.Length && failure is null; i++)
        {
            try
            {
                var signature = predictor.Signature;
                if (!signature.IsKnown)
                {
                    results[i] = new(NotKnown);
                    continue;
                }

                var writer = PredictionInputWriter.Rent(signature);
                if (TryEncode(inputs[i], writer, out var encoded, out results[i]))
                {
                    writers[i] = writer;
#pragma warning disable CA2012 // Each is awaited exactly once, below.
                    pending[i] = predictor.PredictAsync(encoded, options, cancellationToken);
#pragma warning restore CA2012
                }
            }
#pragma warning disable CA1031 // Whatever it is, the requests that are under way must be answered before it goes on.
            catch (Exception exception)
            {
                failure = exception;
                writers[i]?.Return();
                writers[i] = null;
            }
        }

        for (var i = 0; i < results.Length; i++)
        {
            if (writers[i] is not { } writer) continue;
            try
            {
                using var prediction = await pending[i].ConfigureAwait(false);
                if (failure is null) results[i] = prediction.IsOk ? Decode(prediction) : new(prediction.Error);
            }
            catch (Exception exception)
            {
                failure ??= exception;
            }
            finally
            {
                writer.Return();
            }
        }

        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        return results;
    }

    /// <summary>Reads a prediction that is there, and gives the writer's memory back, which nobody reads any more.</summary>
    internal TOutput Decode(Prediction prediction, PredictionInputWriter writer)
    {
        writer.Return();
        using (prediction)
            return mapper.Decode(prediction.EnsureOk());
    }

    private bool TryEncode(TInput input, PredictionInputWriter writer, out PredictionInputs encoded, out PredictionResult<TOutput> result)
    {
        result = default;
        try
        {
            mapper.Encode(input, writer);
            encoded = writer.ToInputs();
            return true;
        }
        catch (Exception exception)
        {
            writer.Return();
            encoded = default;
            result = new(IPredictor<TInput, TOutput>.MapperThrew(exception));
            return false;
        }
    }

    private PredictionResult<TOutput> Decode(Prediction prediction)
    {
        try
        {
            return new(mapper.Decode(prediction));
        }
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new(IPredictor<TInput, TOutput>.MapperThrew(exception));
        }
    }
}
