using MlServe.Threading;

namespace MlServe;

/// <summary>Opens the typed door.</summary>
public static class TypedPredictorExtensions
{
    /// <summary>Wraps a predictor for application code: typed input, typed output, exceptions in place of statuses.</summary>
    /// <typeparam name="TInput">The application's question.</typeparam>
    /// <typeparam name="TOutput">The application's answer.</typeparam>
    /// <param name="predictor">The predictor; not disposed by the result.</param>
    /// <param name="mapper">Translates both ways.</param>
    public static IPredictor<TInput, TOutput> As<TInput, TOutput>(this IPredictor predictor, IPredictionMapper<TInput, TOutput> mapper)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        ArgumentNullException.ThrowIfNull(mapper);
        return new TypedPredictor<TInput, TOutput>(predictor, mapper);
    }

    /// <summary>Wraps a predictor for application code, with two functions for a mapper.</summary>
    /// <typeparam name="TInput">The application's question.</typeparam>
    /// <typeparam name="TOutput">The application's answer.</typeparam>
    /// <param name="predictor">The predictor; not disposed by the result.</param>
    /// <param name="encode">See <see cref="IPredictionMapper{TInput, TOutput}.Encode"/>.</param>
    /// <param name="decode">See <see cref="IPredictionMapper{TInput, TOutput}.Decode"/>.</param>
    public static IPredictor<TInput, TOutput> As<TInput, TOutput>(
        this IPredictor predictor, Action<TInput, PredictionInputWriter> encode, Func<Prediction, TOutput> decode) =>
        predictor.As(PredictionMapper.Create(encode, decode));

    /// <summary>
    /// Answers one question, and blocks the calling thread until there is an answer; see
    /// <see cref="PredictorExtensions.Predict(IPredictor, PredictionInputs, PredictionOptions?, CancellationToken)"/>.
    /// </summary>
    /// <typeparam name="TInput">The application's question.</typeparam>
    /// <typeparam name="TOutput">The application's answer.</typeparam>
    /// <param name="predictor">The predictor.</param>
    /// <param name="input">The question.</param>
    /// <param name="options">The wishes of this call beyond its input; null: as the predictor is set up.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="PredictionException">There is no answer; its <see cref="PredictionException.Status"/> says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static TOutput Predict<TInput, TOutput>(
        this IPredictor<TInput, TOutput> predictor, TInput input, PredictionOptions? options = null,
            CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        return SyncWaiter.Call(
            (predictor, input, options, cancellationToken),
            static call => call.predictor.PredictAsync(call.input, call.options, call.cancellationToken));
    }
}
