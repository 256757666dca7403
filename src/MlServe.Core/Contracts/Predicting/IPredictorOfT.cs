using MlServe.Guests;

namespace MlServe;

/// <summary>
/// The typed door for application code: encodes an input, predicts, decodes the answer. Throws if <see cref="IPredictor"/> returns a
/// status. Safe for concurrent use.
/// </summary>
/// <typeparam name="TInput">The application's question.</typeparam>
/// <typeparam name="TOutput">The application's answer.</typeparam>
public interface IPredictor<TInput, TOutput>
{
    /// <summary>Answers one question.</summary>
    /// <param name="input">The question.</param>
    /// <param name="options">
    /// The wishes of this call beyond its input: its time, its priority, its caller. Null: as the predictor is set up. Of
    /// <see cref="PredictionOptions.Outputs"/> the mapper must be able to read the answer.
    /// </param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="PredictionException">There is no answer; its <see cref="PredictionException.Status"/> says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    ValueTask<TOutput> PredictAsync(TInput input, PredictionOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Answers many questions of one caller. All are handed over at once, so that a batcher can run them together; the results come in the
    /// order of the questions.
    /// </summary>
    /// <param name="inputs">The questions; none is allowed.</param>
    /// <param name="options">The wishes of all calls beyond their inputs; null: as the predictor is set up.</param>
    /// <param name="cancellationToken">Gives all of them up.</param>
    /// <returns>A result for each question; one that is not Ok, or whose mapper threw, does not affect the others.</returns>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    async ValueTask<IReadOnlyList<PredictionResult<TOutput>>> PredictManyAsync(
        IReadOnlyList<TInput> inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return await Task.WhenAll(inputs.Select(input => ResultOf(input, options, cancellationToken))).ConfigureAwait(false);
    }

    private async Task<PredictionResult<TOutput>> ResultOf(TInput input, PredictionOptions? options, CancellationToken cancellationToken)
    {
        try
        {
            return new(await PredictAsync(input, options, cancellationToken).ConfigureAwait(false));
        }
        catch (PredictionException exception)
        {
            return new(exception.Error);
        }
#pragma warning disable CA1031 // Its own alone.
        catch (Exception exception) when (exception is not ObjectDisposedException && !cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return new(MapperThrew(exception));
        }
    }

    /// <summary>The error for a question whose mapper threw.</summary>
    internal static PredictionError MapperThrew(Exception exception) => new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed,
        "The mapper from {0} to {1} threw: {2}", typeof(TInput).Name, typeof(TOutput).Name, GuestReports.MessageOf(exception))
    {
        Exception = exception,
    };
}
