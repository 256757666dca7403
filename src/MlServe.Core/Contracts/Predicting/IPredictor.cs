namespace MlServe;

/// <summary>Answers requests with a model: the one idea of MlServe. Everything is a predictor, or wraps one.</summary>
/// <remarks>
/// <para>All members are safe for concurrent use.</para> <para> Faults of the data and of the model are a <see cref="Prediction.Status"/>.
/// <see cref="PredictAsync"/> throws only for a null argument, on a disposed predictor (<see cref="ObjectDisposedException"/>), and when
/// the caller's own token is cancelled (<see cref="OperationCanceledException"/>). Implementations must keep to this. </para> <para> Every
/// accepted request is answered exactly once. Inputs are borrowed until the task completes; code that needs them longer copies them. The
/// <see cref="Prediction"/> belongs to the caller, who disposes it. </para> <para> Disposing refuses new requests and lets accepted ones be
/// answered; <see cref="IAsyncDisposable.DisposeAsync"/> waits for them. A predictor does not dispose a predictor that it was handed.
/// </para>
/// </remarks>
public interface IPredictor : IDisposable, IAsyncDisposable
{
    /// <summary>The inputs and the outputs of the model.</summary>
    ModelSignature Signature { get; }

    /// <summary>Answers one request, of one row or several.</summary>
    /// <param name="inputs">The inputs; borrowed until the task completes.</param>
    /// <param name="options">The wishes of this call beyond its inputs; null: all outputs.</param>
    /// <param name="cancellationToken">
    /// Gives the request up. A run that has begun is stopped at its next operator if nobody else needs it.
    /// </param>
    /// <returns>The answer, or a status that says why there is none.</returns>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <exception cref="OperationCanceledException">
    /// <paramref name="cancellationToken"/> was cancelled before there was an answer.
    /// </exception>
    ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Asks this predictor, or one that it wraps, for a capability: its <see cref="ModelIdentity"/>, say. Never a live session.
    /// </summary>
    /// <param name="serviceType">The type of the capability.</param>
    /// <param name="serviceKey">Tells several of one type apart; null: the outermost.</param>
    /// <returns>The capability, or null if there is none.</returns>
    object? GetService(Type serviceType, object? serviceKey = null);
}
