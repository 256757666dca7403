namespace MlServe.Batching;

/// <summary>
/// Runs a model at growing batch sizes before it counts as ready. The curve gets its first points, and the batcher the largest size that
/// pays. Stops early if a model is slow and more rows do not make it cheaper. Each run takes a place in the host's gate. Lanes beyond the
/// first are made when traffic asks for them.
/// </summary>
internal static class BatchCalibration
{
    /// <summary>The cost of runs is about a line, and traffic corrects it: few sizes and runs will do.</summary>
    private const int RunsPerSize = 3;
    private const int Growth = 4;

    private const double BudgetSeconds = 2;

    public static void Run(BatchContext context, BatchQueues queues, BatchScheduler scheduler, IModelExecutor executor)
    {
        if (executor.SampleRequest is not { } sample || executor.Prepare(in sample, null, out var request) is not null || request.Rows != 1)
            return;

        if (!FitMemory(context, executor, in sample, in request)) return;
        if (queues.Find(in sample, in request, RequestPriority.Normal) is not { } queue) return;
        if (queue.TakeForTrial() is not { } batch) return;
        try
        {
            if (!TrySizes(queue, batch.Lane, context, in sample, in request)) return;
            queue.Sizes.Measured();
            scheduler.Learn(queue, 1, TimeSpan.FromSeconds(queue.Curve.Predict(1)));
        }
        finally
        {
            queue.EndTrial(batch);
        }
    }

    private static bool TrySizes(
        BatchQueue queue, ILane lane, BatchContext context, in PredictionInputs sample, in PreparedRequest request)
    {
        var time = context.Time;
        var started = time.GetTimestamp();
        for (var size = 1; ; size = Math.Min(size * Growth, queue.Capacity))
        {
            if (!TrySize(queue, lane, context.Gate, time, in sample, in request, size)) return false;
            if (size == queue.Capacity) return true;
            if (time.GetElapsedTime(started).TotalSeconds + (Growth * RunsPerSize * queue.Curve.Predict(size)) > BudgetSeconds) return true;
        }
    }

    /// <summary>Makes batches smaller, or fewer, until the lanes' memory keeps to its bound; false if the sample cannot be run.</summary>
    private static bool FitMemory(BatchContext context, IModelExecutor executor, in PredictionInputs sample, in PreparedRequest request)
    {
        while (true)
        {
            using var lane = executor.Rent(request.Shape, context.Memory.Capacity);

            // The first run may have to show how large outputs are; the second has memory for them.
            for (var run = 0; run < 2; run++)
            {
                lane.Write(in sample, in request, 0, 1, 0);
                using var place = TrialPlace.Take(context.Gate, context.Time, CancellationToken.None);
                if (lane.Run(1, request.Outputs) is not null) return false;
            }

            if (context.Memory.TryFit(Math.Max(1, lane.Bytes))) return true;
        }
    }

    private static bool TrySize(
        BatchQueue queue, ILane lane, RunGate gate, TimeProvider time, in PredictionInputs sample, in PreparedRequest request, int size)
    {
        for (var run = 0; run <= RunsPerSize; run++)
        {
            for (var row = 0; row < size; row++)
                lane.Write(in sample, in request, 0, 1, row);
            using var place = TrialPlace.Take(gate, time, CancellationToken.None);
            var started = time.GetTimestamp();
            if (lane.Run(size, request.Outputs) is not null) return false;

            // The first run of a size pays for its bindings and memory.
            if (run > 0) queue.Curve.Add(size, time.GetElapsedTime(started).TotalSeconds);
        }

        return true;
    }
}
