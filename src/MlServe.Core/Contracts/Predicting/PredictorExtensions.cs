using System.Runtime.ExceptionServices;
using MlServe.Threading;

namespace MlServe;

/// <summary>More operations of every predictor.</summary>
public static class PredictorExtensions
{
    /// <summary>Asks a predictor, or one that it wraps, for a capability.</summary>
    /// <typeparam name="TService">The type of the capability.</typeparam>
    /// <param name="predictor">The predictor.</param>
    /// <param name="serviceKey">Tells several of one type apart; null: the outermost.</param>
    public static TService? GetService<TService>(this IPredictor predictor, object? serviceKey = null)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(predictor);
        return predictor.GetService(typeof(TService), serviceKey) as TService;
    }

    /// <summary>
    /// Answers one request, and blocks the calling thread until there is an answer. For code that cannot be asynchronous; all other awaits
    /// <see cref="IPredictor.PredictAsync"/>.
    /// </summary>
    /// <remarks>
    /// <para> While it waits, the thread runs the work that its own request needs: the batch of its rows, its turn at the
    /// <see cref="RunGate"/>, the layers behind the answer. So the call needs no other thread, and is answered also if all threads of the
    /// thread pool are blocked. Blocking on the task of <see cref="IPredictor.PredictAsync"/> gives the same answers, more slowly. </para>
    /// <para>The pipeline does not see the thread's synchronization context: a layer that goes back to it would wait for ever. Safe for
    /// concurrent use.</para>
    /// </remarks>
    /// <param name="predictor">The predictor.</param>
    /// <param name="inputs">The inputs; borrowed until the call returns.</param>
    /// <param name="options">The wishes of this call beyond its inputs; null: all outputs.</param>
    /// <param name="cancellationToken">Gives the request up.</param>
    /// <returns>The answer, to be disposed by the caller, or a status that says why there is none.</returns>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <exception cref="OperationCanceledException">
    /// <paramref name="cancellationToken"/> was cancelled before there was an answer.
    /// </exception>
    public static Prediction Predict(
        this IPredictor predictor, PredictionInputs inputs, PredictionOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        return SyncWaiter.Call(
            (predictor, inputs, options, cancellationToken),
            static call => call.predictor.PredictAsync(call.inputs, call.options, call.cancellationToken));
    }

    /// <summary>
    /// Answers many requests of one caller. All are handed over at once, so that a batcher can run them together; the answers come in the
    /// order of the requests.
    /// </summary>
    /// <param name="predictor">The predictor.</param>
    /// <param name="requests">The requests, each of one row or several.</param>
    /// <param name="options">The wishes of all calls beyond their inputs.</param>
    /// <param name="cancellationToken">Gives all requests up.</param>
    /// <returns>The answers, to be disposed by the caller; one that is not Ok does not affect the others.</returns>
    /// <exception cref="OperationCanceledException">
    /// <paramref name="cancellationToken"/> was cancelled; answers already given are disposed.
    /// </exception>
    public static async ValueTask<PredictionList> PredictManyAsync(
        this IPredictor predictor, IReadOnlyList<PredictionInputs> requests,
        PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        ArgumentNullException.ThrowIfNull(requests);

        var pending = new ValueTask<Prediction>[requests.Count];
        var started = 0;
        var answers = new Prediction[requests.Count];
        Exception? failure = null;
        try
        {
            for (; started < pending.Length; started++)
#pragma warning disable CA2012 // Each is awaited exactly once, below.
                pending[started] = predictor.PredictAsync(requests[started], options, cancellationToken);
#pragma warning restore CA2012
        }
#pragma warning disable CA1031 // Whatever it is, the requests that are under way must be answered before it goes on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = exception;
        }

        for (var i = 0; i < started; i++)
        {
            try
            {
                answers[i] = await pending[i].ConfigureAwait(false);
            }
#pragma warning disable CA1031
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure ??= exception;
            }
        }

        var list = new PredictionList(answers);
        if (failure is null) return list;
        list.Dispose();
        ExceptionDispatchInfo.Throw(failure);
        return list;
    }
}
