using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>
/// Runs requests together. A batch grows while the lanes are busy and starts the moment one is free: a lone request runs at once on its caller's thread,
/// and under load batches grow by themselves to what the model can take.
/// </summary>
internal sealed class BatchingPredictor : DelegatingPredictor
{
    /// <summary>Runs shorter than this may go on a caller's thread.</summary>
    private const double ShortRunSeconds = 50e-6;

    /// <summary>Runs longer than this leave the thread pool alone.</summary>
    private const double LongRunSeconds = 1e-3;

    /// <summary>Calls in a row without company after which a caller counts as alone.</summary>
    private const int LonelyAfter = 8;

    /// <summary>One in so many lone calls is queued all the same, to see whether others follow from the same thread; a power of two.</summary>
    private const int ProbeEvery = 128;

    private readonly BatchingOptions _options;
    private readonly IBatchExecutor _executor;
    private readonly BatchQueues _queues;
    private readonly IdleRunners _runners;
    private readonly PredictionError _queueFull;
    private readonly ITimer? _holdTimer;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PaddedCounters _counters;
    private int _disposed;
    private int _isFinished;

    public BatchingPredictor(IPredictor inner, IBatchExecutor executor, BatchingOptions options, BatchingMetrics metrics, RunGate gate, TimeProvider time)
        : base(inner)
    {
        Metrics = metrics;
        _options = options;
        _executor = executor;
        Gate = gate;
        Time = time;
        Identity = executor.Identity;
        Lanes = options.Lanes == 0 ? gate.MaxConcurrentRuns : options.Lanes;
        Capacity = executor.Signature.IsBatchable ? options.MaxBatchSize : 1;
        BatchesPerQueue = Lanes + 2;
        _queueFull = new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull,
            "{0} rows already wait for model '{1}' (MaxQueuedRows). Try again later, or give it more cores.", options.MaxQueuedRows, Identity.Name);
        _queues = new(this, executor);
        _runners = new(this, Lanes);
        if (options.MaxQueueDelay > TimeSpan.Zero)
            _holdTimer = time.CreateTimer(static state => ((BatchingPredictor)state!).Schedule(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        BatchCalibration.Run(this, _queues, executor);
    }

    public RunGate Gate { get; }

    public TimeProvider Time { get; }

    public ModelIdentity Identity { get; }

    public string Name => Identity.Name;

    public int Lanes { get; }

    /// <summary>Rows that a lane has room for. Smaller than asked for where lanes would take too much memory.</summary>
    public int Capacity { get; set; }

    /// <summary>Batches of one shape and priority: one for each lane, one that fills, one that is full.</summary>
    public int BatchesPerQueue { get; set; }

    public long MaxLaneBytes => _options.MaxLaneBytes;

    /// <summary>Whether runs are too long for the thread pool's threads.</summary>
    public bool RunsLong { get; private set; }

    public BatchStatistics Statistics { get; } = new();

    public BatchingMetrics Metrics { get; }

    public long Now => Time.GetTimestamp();

    public bool HasWork => _queues.HasWork;

    private bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (_executor.Prepare(in inputs, options, out var request) is { } error) return new(Prediction.FromError(error));

        // Counted before the look at whether it is too late: who is counted is waited for.
        var inFlight = Interlocked.Increment(ref _counters.InFlight);
        if (IsDisposed)
        {
            Answered();
            throw new ObjectDisposedException(nameof(IPredictor));
        }

        var queue = _queues.Find(in inputs, in request, options?.Priority ?? RequestPriority.Normal);
        if (queue is null || request.Rows == 0) return PassOnAsync(inputs, options, cancellationToken);
        if (MayRunInline(queue, request.Rows, inFlight) && Gate.TryEnter()) return RunInline(in inputs, in request, cancellationToken);
        if (TryEnqueue(queue, request.Rows, options, out var now, out var deadline) is { } refusal)
        {
            Answered();
            return new(Prediction.FromError(refusal));
        }

        return request.Rows <= Math.Min(queue.Limit, Capacity)
            ? Place(queue, in inputs, in request, 0, request.Rows, now, deadline, cancellationToken)
            : SplitRequest.RunAsync(this, queue, inputs, request, now, deadline, cancellationToken);
    }

    public override object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType == typeof(BatchStatistics) ? Statistics : base.GetService(serviceType, serviceKey);

    /// <summary>Puts rows that were let in where the next lane finds them.</summary>
    internal ValueTask<Prediction> Place(
        BatchQueue queue, in PredictionInputs inputs, in BatchRequest request, int sourceRow, int rows, long now, long deadline, CancellationToken cancellationToken)
    {
        var slot = BatchSlot.Rent(this, in inputs, in request, sourceRow, rows, deadline, cancellationToken);
        var task = slot.Task();
        queue.Add(slot);
        slot.Watch(Time, now);
        Schedule();
        return task;
    }

    /// <summary>Counts another part of a request that was counted as one.</summary>
    internal void CountPart() => Interlocked.Increment(ref _counters.InFlight);

    /// <summary>Called once for each request, or part of one, when it is answered.</summary>
    internal void Answered()
    {
        if (Interlocked.Decrement(ref _counters.InFlight) == 0 && IsDisposed) TryFinish();
    }

    /// <summary>Called when rows no longer wait.</summary>
    internal void LeftQueue(int rows) => Interlocked.Add(ref _counters.QueuedRows, -rows);

    internal ILane RentLane(LaneShape shape) => _executor.Rent(shape, Capacity);

    internal void Learn(BatchQueue queue, int rows, TimeSpan runTime)
    {
        queue.Curve.Add(rows, runTime.TotalSeconds);
        var isLong = queue.Curve.Predict(queue.Limit) > LongRunSeconds;
        if (isLong != RunsLong) RunsLong = isLong;
    }

    internal PredictionError TimedOut() => new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
        "The time for an answer of model '{0}' was over before there was one. Wait longer, or send less.", Name);

    /// <summary>Until when an open batch is held back: 0 where it is not, the past where its time is over.</summary>
    internal long HoldUntil(BatchQueue queue, Batch batch)
    {
        if (_holdTimer is null || IsDisposed) return 0;

        // Waiting pays only where more rows would share a fixed cost.
        var curve = queue.Curve;
        if (curve.IsKnown && curve.Fixed < 0.1 * curve.Predict(batch.Rows)) return 0;
        return batch.OpenedAt + (long)(_options.MaxQueueDelay.TotalSeconds * Time.TimestampFrequency);
    }

    internal Batch? TakeNext()
    {
        var now = _queues.NeedsTime || _holdTimer is not null ? Now : 0;
        var batch = _queues.Take(now, IsDisposed ? CloseReason.Drain : CloseReason.Idle, _options.MaxBulkDelay, out var heldUntil);
        if (batch is null && heldUntil != long.MaxValue) HoldTill(now, heldUntil);
        return batch;
    }

    /// <summary>Lets a runner rest until there is work.</summary>
    internal void Park(BatchRunner runner)
    {
        _runners.Push(runner);
        Interlocked.MemoryBarrier();
        if (IsDisposed) TryFinish();

        // Work that came between the look and the push found nobody idle. What is held back is looked at again when its time comes.
        if (_holdTimer is null ? HasWork : _queues.HasReady) Schedule();
        else if (_holdTimer is not null && HasWork) HoldTill(Now, _queues.EarliestOpenedAt + (long)(_options.MaxQueueDelay.TotalSeconds * Time.TimestampFrequency));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Schedule();
            TryFinish();
        }

        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        Dispose(disposing: true);
        await _finished.Task.ConfigureAwait(false);
        await base.DisposeAsyncCore().ConfigureAwait(false);
    }

    private void Schedule()
    {
        if (_runners.TryPop() is { } runner) runner.Start();
    }

    private void HoldTill(long now, long until)
    {
        var left = Time.GetElapsedTime(now, until);
        _holdTimer!.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Whether a call may run on its caller's thread: where it is alone, and has been for a while. A caller that fans out from one thread looks alone at each
    /// call as long as each is answered at once; so one call in a while is queued, and whoever comes while it is pending tells that there is a crowd.
    /// </summary>
    private bool MayRunInline(BatchQueue queue, int rows, int inFlight)
    {
        switch (_options.RunMode)
        {
            case RunMode.Queued:
                return false;
            case RunMode.Inline:
                return rows <= Capacity && inFlight <= Lanes;
            default:
                if (inFlight > 1)
                {
                    if (_counters.LonelyCalls != 0) _counters.LonelyCalls = 0;
                    return false;
                }

                var lonely = ++_counters.LonelyCalls;
                return lonely > LonelyAfter && lonely % ProbeEvery != 0 && rows <= Capacity && queue.Curve.IsKnown
                    && queue.Curve.Predict(rows) <= ShortRunSeconds;
        }
    }

    private ValueTask<Prediction> RunInline(in PredictionInputs inputs, in BatchRequest request, CancellationToken cancellationToken)
    {
        try
        {
            using var lane = _executor.Rent(request.Shape, request.Rows);
            lane.Write(in inputs, in request, 0, request.Rows, 0);
            if (lane.Run(request.Rows, request.Outputs, cancellationToken) is { } failure) return new(Prediction.FromError(failure));
            Statistics.RanInline();
            return new(lane.Read(in request, 0, new() { Model = Identity, BatchRows = request.Rows }));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Prediction>(cancellationToken);
        }
        finally
        {
            Gate.Exit();
            Answered();
        }
    }

    /// <summary>What cannot be run with others, a request of no rows or of one shape too many, goes the direct way.</summary>
    private async ValueTask<Prediction> PassOnAsync(PredictionInputs inputs, PredictionOptions? options, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Answered();
        }
    }

    /// <summary>Counts rows among those that wait, unless there are too many or the wait would be too long.</summary>
    private PredictionError? TryEnqueue(BatchQueue queue, int rows, PredictionOptions? options, out long now, out long deadline)
    {
        now = 0;
        deadline = long.MaxValue;
        var queued = Interlocked.Add(ref _counters.QueuedRows, rows);
        if (queued > _options.MaxQueuedRows)
        {
            LeftQueue(rows);
            return _queueFull;
        }

        if ((options?.Timeout ?? _options.Timeout) is not { } timeout) return null;
        var wait = PredictWait(queue, queued);
        if (wait > timeout)
        {
            LeftQueue(rows);
            return new(PredictionStatus.Overloaded, PredictionErrorCode.WaitTooLong,
                "Model '{0}' would answer in about {1} ms, and the caller waits {2} ms. Try again later.",
                Name, wait.TotalMilliseconds, timeout.TotalMilliseconds)
            {
                RetryAfter = wait - timeout,
            };
        }

        now = Now;
        var ticks = timeout.TotalSeconds * Time.TimestampFrequency;
        deadline = ticks < long.MaxValue - now ? now + (long)ticks : long.MaxValue;
        return null;
    }

    private TimeSpan PredictWait(BatchQueue queue, int queuedRows)
    {
        if (!queue.Curve.IsKnown) return TimeSpan.Zero;
        var limit = queue.Limit;
        var full = queuedRows / limit;
        var seconds = ((double)full * queue.Curve.Predict(limit) / Math.Min(Lanes, Gate.MaxConcurrentRuns)) + queue.Curve.Predict(queuedRows % limit);
        return TimeSpan.FromSeconds(Math.Min(seconds, 1e9));
    }

    private void TryFinish()
    {
        if (Volatile.Read(ref _counters.InFlight) > 0 || HasWork || !_runners.AreAllIdle) return;
        if (Interlocked.Exchange(ref _isFinished, 1) != 0) return;
        _queues.Close();
        _runners.Dispose();
        _holdTimer?.Dispose();
        _finished.TrySetResult();
    }

    /// <summary>What callers on all cores write, apart from what they only read.</summary>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 384)]
    private struct PaddedCounters
    {
        [System.Runtime.InteropServices.FieldOffset(128)]
        public int InFlight;

        [System.Runtime.InteropServices.FieldOffset(192)]
        public int QueuedRows;

        // Written without a lock: a lost update only delays a change of mind.
        [System.Runtime.InteropServices.FieldOffset(256)]
        public int LonelyCalls;
    }
}
