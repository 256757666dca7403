using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// Runs requests without a batch. The request of a caller that is alone runs on the caller's thread; requests that cannot be run with
/// others go past the batcher.
/// </summary>
/// <param name="context">Counts the requests, which were counted before and are counted off here.</param>
/// <param name="inner">The model.</param>
/// <param name="executor">Gives its lanes.</param>
internal sealed class DirectRuns(BatchContext context, IPredictor inner, IModelExecutor executor)
{
    /// <summary>Runs shorter than this may go on a caller's thread.</summary>
    private const double ShortRunSeconds = 50e-6;

    private readonly LoneCaller _lone = new();
    private readonly BatchingOptions _options = context.Options;

    /// <summary>Takes a place in the gate and a lane for a run on its caller's thread. Null if the request is to go into a batch.</summary>
    public ILane? TryEnter(BatchQueue queue, in PreparedRequest request, int inFlight)
    {
        if (!MayRun(queue, request.Rows, inFlight) || !context.Gate.TryEnter()) return null;
        if (TryRent(in request) is { } lane) return lane;
        context.Gate.Exit();
        return null;
    }

    /// <summary>Runs a request on its caller's thread, in the place and the lane that <see cref="TryEnter"/> has taken.</summary>
    public ValueTask<Prediction> Run(
        ILane rented, BatchQueue queue, in PredictionInputs inputs, in PreparedRequest request, long now, long deadline,
        CancellationToken cancellationToken)
    {
        RunWatch? watch = null;
        var (expected, alone) = queue.Sizes.Expect(request.Rows);
        try
        {
            using var lane = rented;
            if (deadline != long.MaxValue) watch = RunWatch.Begin(context.Time, deadline, cancellationToken);
            lane.Write(in inputs, in request, 0, request.Rows, 0);
            var failure = lane.Run(request.Rows, request.Outputs, watch?.Token ?? cancellationToken);
            context.Totals.RanInline(request.Rows);
            if (failure is not null) return new(Prediction.FromError(failure));
            return new(lane.Read(
                in request, 0,
                new() { Model = context.Identity, BatchRows = request.Rows, ExpectedRunTime = expected, ExpectedTimeAlone = alone }));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Prediction>(cancellationToken);
        }
        catch (OperationCanceledException) when (watch is { IsExpired: true })
        {
            return new(Prediction.FromError(context.Errors.TimedOut(isRun: context.Time.GetElapsedTime(now, deadline) >= 2 * expected)));
        }
#pragma warning disable CA1031 // A fault of the executor is a status here as it is in a batch.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new(Prediction.FromError(context.Errors.Failed(exception)));
        }
        finally
        {
            watch?.End();
            context.Gate.Exit();
            context.InFlight.Answered();
        }
    }

    /// <summary>A request that cannot be run with others, of no rows or of one shape too many, goes the direct way.</summary>
    public async ValueTask<Prediction> PassOnAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await deadline.Ask(inner, inputs, options, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            context.InFlight.Answered();
        }
    }

    private bool MayRun(BatchQueue queue, int rows, int inFlight) => rows <= context.Memory.Capacity && _options.RunMode switch
    {
        RunMode.Queued => false,
        RunMode.Inline => inFlight <= context.Lanes,
        _ => _lone.IsAlone(inFlight) && queue.Curve.IsKnown && queue.Curve.Predict(rows) <= ShortRunSeconds,
    };

    /// <summary>Takes a lane; null if none can be had, as when the model has been closed: the queue has lanes of its own.</summary>
    private ILane? TryRent(in PreparedRequest request)
    {
        try
        {
            return executor.Rent(request.Shape, request.Rows);
        }
#pragma warning disable CA1031 // Whatever it is, the queue answers.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}
