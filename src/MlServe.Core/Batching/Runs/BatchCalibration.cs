using System.Diagnostics;

namespace MlServe.Batching;

/// <summary>
/// Runs a model at growing batch sizes before it counts as ready: lanes get their memory and bindings, the curve its first points, and the
/// batcher the largest size that pays. Stops early where a model is slow and more rows do not make it cheaper.
/// </summary>
internal static class BatchCalibration
{
    private const int RunsPerSize = 5;
    private const double BudgetSeconds = 2;
    private const double BindingBudgetSeconds = 0.25;

    public static void Run(BatchContext context, BatchQueues queues, BatchScheduler scheduler, IModelExecutor executor)
    {
        if (executor.SampleRequest is not { } sample || executor.Prepare(in sample, null, out var request) is not null || request.Rows != 1)
            return;

        if (!FitMemory(context.Memory, executor, in sample, in request)) return;
        if (queues.Find(in sample, in request, RequestPriority.Normal) is not { } queue) return;
        using var lane = executor.Rent(request.Shape, queue.Capacity);
        var time = context.Time;
        var started = time.GetTimestamp();
        for (var size = 1; ; size = Math.Min(size * 2, queue.Capacity))
        {
            if (!TrySize(queue, lane, time, in sample, in request, size)) return;
            if (size == queue.Capacity) break;
            if (time.GetElapsedTime(started).TotalSeconds + (2 * RunsPerSize * queue.Curve.Predict(size)) > BudgetSeconds) break;
        }

        queue.Sizes.Measured();
        scheduler.Learn(queue, 1, TimeSpan.FromSeconds(queue.Curve.Predict(1)));
        WarmLanes(queue, in sample, in request);
    }

    /// <summary>
    /// Makes batches smaller, or fewer, until the lanes' memory keeps to its bound; false where the sample cannot be run.
    /// </summary>
    private static bool FitMemory(LaneBudget memory, IModelExecutor executor, in PredictionInputs sample, in PreparedRequest request)
    {
        while (true)
        {
            using var lane = executor.Rent(request.Shape, memory.Capacity);

            // The first run may have to show how large outputs are; the second has memory for them.
            for (var run = 0; run < 2; run++)
            {
                lane.Write(in sample, in request, 0, 1, 0);
                if (lane.Run(1, request.Outputs) is not null) return false;
            }

            if (memory.TryFit(Math.Max(1, lane.Bytes))) return true;
        }
    }

    private static bool TrySize(
        BatchQueue queue, ILane lane, TimeProvider time, in PredictionInputs sample, in PreparedRequest request, int size)
    {
        for (var run = 0; run <= RunsPerSize; run++)
        {
            for (var row = 0; row < size; row++)
                lane.Write(in sample, in request, 0, 1, row);
            var started = time.GetTimestamp();
            if (lane.Run(size, request.Outputs) is not null) return false;

            // The first run of a size pays for its bindings and memory.
            if (run > 0) queue.Curve.Add(size, time.GetElapsedTime(started).TotalSeconds);
        }

        return true;
    }

    private static void WarmLanes(BatchQueue queue, in PredictionInputs sample, in PreparedRequest request)
    {
        var batches = queue.MakeAll();

        // What it bounds is the processor's work, which passes whatever the application's clock says.
        var started = Stopwatch.GetTimestamp();
        foreach (var batch in batches)
        {
            for (var size = queue.Limit;
                size >= 1 && (size == queue.Limit || Stopwatch.GetElapsedTime(started).TotalSeconds < BindingBudgetSeconds); size--)
            {
                for (var row = 0; row < size; row++)
                    batch.Lane.Write(in sample, in request, 0, 1, row);
                if (batch.Lane.Run(size, request.Outputs) is not null) return;
            }

            batch.Lane.Clear();
        }
    }
}
