namespace MlServe.Attack.Storms;

/// <summary>
/// A layer of the application's as they are: it waits, blocks its thread, does not heed its token or throws where that is cancelled, and
/// goes on after its caller's time is over. What it was lent must be the same until it ends, although callers overwrite their memory as
/// soon as they are answered.
/// </summary>
internal sealed class StormLayer(IPredictor inner) : DelegatingPredictor(inner)
{
    private static long _changed;
    private static long _lateEnds;

    private int _calls;

    /// <summary>Calls whose inputs changed meanwhile.</summary>
    public static long Changed => Interlocked.Read(ref _changed);

    /// <summary>Calls that ended after their token had been cancelled.</summary>
    public static long LateEnds => Interlocked.Read(ref _lateEnds);

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        (Interlocked.Increment(ref _calls) % 16) switch
        {
            0 => GoOnAsync(TimeSpan.FromMilliseconds(5), inputs, options, cancellationToken),
            1 => GoOnAsync(TimeSpan.Zero, inputs, options, cancellationToken),
            2 => Block(inputs, options, cancellationToken),
            _ => base.PredictAsync(inputs, options, cancellationToken),
        };

    private ValueTask<Prediction> Block(PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        Thread.Sleep(1);
        return base.PredictAsync(inputs, options, cancellationToken);
    }

    private async ValueTask<Prediction> GoOnAsync(
        TimeSpan time, PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        var before = inputs[0].ToArray<float>();
        using var registration = Listen(cancellationToken);
        try
        {
            if (time == TimeSpan.Zero) await Task.Yield();
            else await Task.Delay(time, CancellationToken.None).ConfigureAwait(false);
            return await base.PredictAsync(inputs, options, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            if (cancellationToken.IsCancellationRequested) Interlocked.Increment(ref _lateEnds);
            if (!inputs[0].AsSpan<float>().SequenceEqual(before)) Interlocked.Increment(ref _changed);
        }
    }

    private static CancellationTokenRegistration Listen(CancellationToken cancellationToken)
    {
        try
        {
            return cancellationToken.Register(static () => throw new InvalidOperationException("A callback of the layer's threw."));
        }
        catch (InvalidOperationException)
        {
            // It was cancelled before, and the callback was called at once.
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
