using System.Runtime.ExceptionServices;
using MlServe.Guests;

namespace MlServe;

/// <summary>
/// What a builder has built: the outermost predictor together with all that has to be disposed, and how its layers are built once more.
/// </summary>
/// <param name="outermost">The predictor that sees a request first.</param>
/// <param name="made">What is disposed with it, innermost first.</param>
/// <param name="layers">How a warm-up builds the layers once more, outermost first.</param>
internal sealed class Pipeline(IPredictor outermost, List<IPredictor> made, IReadOnlyList<PipelineLayer> layers)
    : DelegatingPredictor(outermost), IShieldsCallers, IKeepsDeadlines, ITakesDeadlines
{
    private readonly bool _isShielded = outermost is IShieldsCallers { IsShielding: true };
    private int _disposed;

    /// <summary>
    /// The layers for a warm-up: built around the same model with a context that leads nowhere, they do for a request what these do, and
    /// these keep no trace of it.
    /// </summary>
    public IReadOnlyList<PipelineLayer> WarmUpLayers => layers;

    /// <summary>
    /// Whether it belongs to a host, which closes it: disposing it does nothing then. It is handed to code that may be used to disposing
    /// what it gets.
    /// </summary>
    public bool IsHeld { get; set; }

    bool IShieldsCallers.IsShielding => true;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        PredictAsync(inputs, options, Deadline.Never, cancellationToken);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(IPredictor));
        var pending = deadline.Ask(Inner, inputs, options, cancellationToken);
        return _isShielded ? pending : RelayedOperation<Prediction>.Of(pending);
    }

    /// <summary>Disposes all, also those beneath one that throws, whose exception is thrown in the end.</summary>
    protected override void Dispose(bool disposing)
    {
        if (IsHeld) return;
        base.Dispose(disposing);
        if (!disposing || Interlocked.Exchange(ref _disposed, 1) != 0) return;
        ThrowIfAny(DisposeOf(made));
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        if (IsHeld) return;
        ExceptionDispatchInfo? failure = null;
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            for (var i = made.Count - 1; i >= 0; i--)
            {
                try
                {
                    await made[i].DisposeAsync().ConfigureAwait(false);
                }
#pragma warning disable CA1031 // What lies beneath is to be disposed as well: the model above all.
                catch (Exception exception)
                {
                    failure = Keep(failure, exception);
                }
            }
        }

        await base.DisposeAsyncCore().ConfigureAwait(false);
        ThrowIfAny(failure);
    }

    /// <summary>Disposes layers, outermost first, and says what the first of those threw that did.</summary>
    /// <param name="made">The layers, innermost first.</param>
    internal static ExceptionDispatchInfo? DisposeOf(List<IPredictor> made)
    {
        ExceptionDispatchInfo? failure = null;
        for (var i = made.Count - 1; i >= 0; i--)
        {
            try
            {
                made[i].Dispose();
            }
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = Keep(failure, exception);
            }
        }

        return failure;
    }

    private static ExceptionDispatchInfo Keep(ExceptionDispatchInfo? failure, Exception exception)
    {
        GuestReports.OfProcess.Add(Guest.Layer, exception);
        return failure ?? ExceptionDispatchInfo.Capture(exception);
    }

    private static void ThrowIfAny(ExceptionDispatchInfo? failure) => failure?.Throw();
}
