using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// Measures the cost of runs. Before a model counts as ready, one row is run. Larger batches are measured when traffic fills those that
/// were measured before, size after size: in the background, in places of the host's gate, on a lane of its own. So a model is ready early,
/// and has no memory for rows that nobody sends together. Safe for concurrent use.
/// </summary>
#pragma warning disable CA1001 // A source without a timer holds nothing.
internal sealed class BatchCalibration(BatchContext context, BatchScheduler scheduler, IModelExecutor executor)
#pragma warning restore CA1001
{
    /// <summary>The cost of runs is about a line, and traffic corrects it: few sizes and runs will do.</summary>
    private const int RunsPerSize = 3;

    private const int Growth = 4;

    /// <summary>Longer runs are measured once: they are hardly disturbed, and callers wait for the place in the gate.</summary>
    private const double LongSeconds = 0.05;

    /// <summary>How long larger batches are measured at a load that waits for them.</summary>
    private const double BudgetSeconds = 2;

    private const int Resting = 0;
    private const int Measuring = 1;
    private const int Ending = 2;
    private const int Ended = 3;

    private readonly CancellationTokenSource _stop = new();
    private Action? _whenEnded;
    private int _state;

    /// <summary>
    /// Runs one row, and finds the queue of the model's usual requests; the larger sizes too, if a load is to wait for them.
    /// </summary>
    public void Begin(BatchQueues queues)
    {
        if (executor.SampleRequest is not { } sample || executor.Prepare(in sample, null, out var request) is not null || request.Rows != 1)
            return;

        if (!FitMemory(in sample, in request)) return;
        if (queues.Find(in sample, in request, RequestPriority.Normal) is not { } queue || !TryMeasure(queue, 1)) return;
        scheduler.Learn(queue, 1, TimeSpan.FromSeconds(queue.Curve.Predict(1)));
        if (context.Options.Readiness == BatchReadiness.WhenCalibrated) MeasureAll(queue);
    }

    /// <summary>
    /// The batches of a queue are as large as any that was measured, and full: measures larger ones, if nothing is measured now.
    /// </summary>
    public void Ask(BatchQueue queue)
    {
        if (_stop.IsCancellationRequested || Interlocked.CompareExchange(ref _state, Measuring, Resting) != Resting) return;
        var thread = new Thread(() => MeasureNext(queue))
        {
            IsBackground = true,
            Name = $"MlServe calibration of {context.Name}",
            Priority = ThreadPriority.Lowest,
        };
        try
        {
            thread.UnsafeStart();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStateException)
        {
            // The next batch that is full asks again.
            Rest();
        }
    }

    /// <summary>Cuts off the run that is under way, and measures nothing more.</summary>
    public void Stop() => UrgentCancel.Cancel(_stop);

    /// <summary>Measures nothing more.</summary>
    /// <param name="whenEnded">Called once, when nothing is measured any more and no lane is out.</param>
    public void End(Action whenEnded)
    {
        _whenEnded = whenEnded;
        while (true)
        {
            if (Interlocked.CompareExchange(ref _state, Ended, Resting) == Resting)
            {
                whenEnded();
                return;
            }

            if (Interlocked.CompareExchange(ref _state, Ending, Measuring) == Measuring) return;
        }
    }

    private void Rest()
    {
        if (Interlocked.CompareExchange(ref _state, Resting, Measuring) == Measuring) return;
        Volatile.Write(ref _state, Ended);
        _whenEnded!();
    }

    private void MeasureAll(BatchQueue queue)
    {
        var started = context.Time.GetTimestamp();
        while (NextSize(queue) is { } size)
        {
            var expected = Growth * RunsPerSize * queue.Curve.Predict(queue.Sizes.MeasuredRows);
            if (context.Time.GetElapsedTime(started).TotalSeconds + expected > BudgetSeconds || !TryMeasure(queue, size)) return;
        }
    }

    private void MeasureNext(BatchQueue queue)
    {
        try
        {
            if (NextSize(queue) is { } size && !TryMeasure(queue, size)) queue.Sizes.Settle();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The batcher closes.
        }
        catch (ObjectDisposedException)
        {
            // The model has.
        }
#pragma warning disable CA1031 // Nobody waits for it: the sizes that were measured stay.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            queue.Sizes.Settle();
            GuestReports.OfProcess.Add(Guest.Layer, exception);
        }
        finally
        {
            Rest();
        }
    }

    private int? NextSize(BatchQueue queue) =>
        queue.WantsMore ? Math.Min(queue.Sizes.MeasuredRows * Growth, context.Memory.Capacity) : null;

    /// <summary>Makes batches smaller, or fewer, until the lanes' memory keeps to its bound; false if the sample cannot be run.</summary>
    private bool FitMemory(in PredictionInputs sample, in PreparedRequest request)
    {
        using var lane = executor.Rent(request.Shape, 1);

        // The first run may have to show how large outputs are; the second has memory for them.
        for (var run = 0; run < 2; run++)
        {
            if (Run(lane, in sample, in request, 1) is null) return false;
        }

        var rowBytes = Math.Max(1, lane.Bytes / Math.Max(1, lane.Capacity));
        while (!context.Memory.TryFit(rowBytes * context.Memory.Capacity))
        {
        }

        return true;
    }

    /// <summary>Measures a size; false if it cannot be run, or there is no memory for it.</summary>
    private bool TryMeasure(BatchQueue queue, int size)
    {
        if (executor.SampleRequest is not { } sample || executor.Prepare(in sample, null, out var request) is not null) return false;
        using (var lane = executor.TryRent(queue.Shape, size))
        {
            if (lane is null) return false;

            // The first run of a size pays for its bindings and memory.
            if (Run(lane, in sample, in request, size) is not { } first) return false;
            if (first.TotalSeconds > LongSeconds) queue.Curve.Add(size, first.TotalSeconds);
            for (var run = 0; run < RunsPerSize && first.TotalSeconds <= LongSeconds; run++)
            {
                if (Run(lane, in sample, in request, size) is not { } time) return false;
                queue.Curve.Add(size, time.TotalSeconds);
            }
        }

        queue.Measured(size);
        return true;
    }

    /// <summary>The time of a run; null if it failed.</summary>
    private TimeSpan? Run(ILane lane, in PredictionInputs sample, in PreparedRequest request, int rows)
    {
        for (var row = 0; row < rows; row++)
            lane.Write(in sample, in request, 0, 1, row);
        using var place = TrialPlace.Take(context.Gate, context.Time, _stop.Token);
        var started = context.Time.GetTimestamp();
        return lane.Run(rows, request.Outputs, _stop.Token) is null ? context.Time.GetElapsedTime(started) : null;
    }
}
