using System.Runtime.InteropServices;
using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// Counts the rows that wait, and refuses at the door what there is no room or no time for. Normal requests go first, so that work in bulk
/// neither takes their room nor counts as their wait.
/// </summary>
internal sealed class BatchAdmission
{
    private readonly BatchContext _context;
    private readonly BatchingOptions _options;
    private PaddedCount _normal;
    private PaddedCount _bulk;

    public BatchAdmission(BatchContext context)
    {
        _context = context;
        _options = context.Options;
        QueueFull = context.Errors.QueueFull(_options.MaxQueuedRows);
    }

    /// <summary>The refusal if too many rows wait; made once, because it must cost nothing.</summary>
    public PredictionError QueueFull { get; }

    /// <summary>Rows that wait.</summary>
    public int QueuedRows => Volatile.Read(ref _normal.Value) + Volatile.Read(ref _bulk.Value);

    /// <summary>Called when rows no longer wait.</summary>
    public void Left(int rows, RequestPriority priority) => Add(-rows, priority);

    /// <summary>Counts rows among those that wait, unless there are too many or the wait would be too long.</summary>
    /// <param name="queue">The queue in which they would wait.</param>
    /// <param name="rows">How many.</param>
    /// <param name="inFlight">Requests that are not answered, this one among them.</param>
    /// <param name="now">The time, if the request has a deadline.</param>
    /// <param name="deadline">The timestamp at which the caller stops waiting; <see cref="long.MaxValue"/>: never.</param>
    /// <returns>Null, or the refusal.</returns>
    public PredictionError? TryEnter(BatchQueue queue, int rows, int inFlight, long now, long deadline)
    {
        if (rows > _options.MaxQueuedRows)
        {
            return new(PredictionStatus.TooLarge, PredictionErrorCode.RequestTooLarge,
                "{0} rows came at once, and no more than {1} may wait for model '{2}' (MaxQueuedRows). Send fewer at a time.",
                rows, _options.MaxQueuedRows, _context.Name)
            {
                Model = _context.Identity,
            };
        }

        var queued = Add(rows, queue.Priority);
        if (queued > _options.MaxQueuedRows)
        {
            Left(rows, queue.Priority);
            return QueueFull;
        }

        if (deadline == long.MaxValue) return null;

        // Whoever is alone is let in all the same: if nobody ran, a prediction that is wrong would never be put right.
        var wait = inFlight > 1 ? PredictWait(queue, queued) : TimeSpan.Zero;
        var timeout = _context.Time.GetElapsedTime(now, deadline);
        if (wait > timeout)
        {
            Left(rows, queue.Priority);
            return new(PredictionStatus.Overloaded, PredictionErrorCode.WaitTooLong,
                "Model '{0}' would answer in about {1} ms, and the caller waits {2} ms. Try again later.",
                _context.Name, wait.TotalMilliseconds, timeout.TotalMilliseconds)
            {
                Model = _context.Identity,
                RetryAfter = wait - timeout,
            };
        }

        return null;
    }

    /// <returns>The rows that go before the last of these, themselves counted.</returns>
    private int Add(int rows, RequestPriority priority) => priority == RequestPriority.Normal
        ? Interlocked.Add(ref _normal.Value, rows)
        : Interlocked.Add(ref _bulk.Value, rows) + Volatile.Read(ref _normal.Value);

    /// <summary>The wait by the curve: full batches ahead, spread over the lanes, and the one that the request rides in.</summary>
    private TimeSpan PredictWait(BatchQueue queue, int queuedRows)
    {
        var curve = queue.Curve;
        if (!curve.IsKnown) return TimeSpan.Zero;
        var limit = queue.Limit;
        var lanes = Math.Min(_context.Lanes, _context.Gate.MaxConcurrentRuns);
        var seconds = ((double)(queuedRows / limit) * curve.Predict(limit) / lanes) + curve.Predict(queuedRows % limit);
        return TimeSpan.FromSeconds(Math.Min(seconds, 1e9));
    }

    /// <summary>Written by callers on all cores: on a cache line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct PaddedCount
    {
        [FieldOffset(128)]
        public int Value;
    }
}
