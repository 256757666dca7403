namespace MlServe;

/// <summary>
/// The typed door for application code: encodes an input, predicts, decodes the answer. Throws where <see cref="IPredictor"/> returns a status. Safe
/// for concurrent use.
/// </summary>
/// <typeparam name="TInput">What the application asks with.</typeparam>
/// <typeparam name="TOutput">What the application wants to know.</typeparam>
public interface IPredictor<TInput, TOutput>
{
    /// <summary>Answers one question.</summary>
    /// <param name="input">The question.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="PredictionException">There is no answer; its <see cref="PredictionException.Status"/> says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    ValueTask<TOutput> PredictAsync(TInput input, CancellationToken cancellationToken = default);
}
