using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using MlServe.Guests;
using MlServe.Tensors;
using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// Runs requests together. A batch grows while the lanes are busy and starts the moment one is free: a lone request runs at once on its caller's thread,
/// and under load batches grow by themselves to what the model can take.
/// </summary>
internal sealed class BatchingPredictor : DelegatingPredictor, IKeepsDeadlines, ITrimmable, IShieldsCallers
{
    /// <summary>Runs longer than this leave the thread pool alone.</summary>
    private const double LongRunSeconds = 1e-3;

    private readonly BatchingOptions _options;
    private readonly IBatchExecutor _executor;
    private readonly BatchQueues _queues;
    private readonly IdleRunners _runners;
    private readonly BatchAdmission _admission;
    private readonly DirectRuns _direct;
    private readonly BatchHold? _hold;
    private readonly UrgentCompletion _finished = new();
    private PaddedCounters _counters;
    private long _uses;
    private int _disposed;

    /// <param name="inner">The model.</param>
    /// <param name="executor">Runs its rows.</param>
    /// <param name="options">How.</param>
    /// <param name="metrics">What is reported.</param>
    /// <param name="gate">Bounds how much runs at once.</param>
    /// <param name="time">The clock.</param>
    /// <param name="mixes">Whether requests of several callers are run together.</param>
    /// <param name="logger">Where to say that they no longer are; null: nowhere.</param>
    /// <param name="serviceLevel">What callers are promised; null: nothing.</param>
    /// <param name="events">Where to tell that batching stopped.</param>
    public BatchingPredictor(
        IPredictor inner, IBatchExecutor executor, BatchingOptions options, BatchingMetrics metrics, RunGate gate, TimeProvider time, bool mixes, ILogger? logger,
        ServiceLevel? serviceLevel = null, ModelEvents? events = null)
        : base(inner)
    {
        Trust = new(this, logger, events);
        Budget = new(serviceLevel?.P99, options.MaxQueueDelay);
        Metrics = metrics;
        _options = options;
        _executor = executor;
        Gate = gate;
        Flow = inner.GetService<GateFlow>() is { } flow && ReferenceEquals(flow.Gate, gate) ? flow : new(gate);
        Time = time;
        Identity = executor.Identity;
        Errors = new(executor.Identity);
        var past = inner is IKeepsDeadlines ? inner : new LimitedPredictor(inner, new(Timeout.InfiniteTimeSpan), time, metrics.Overruns);
        _direct = new(this, past, executor, options);
        Lanes = options.Lanes == 0 ? gate.MaxConcurrentRuns : options.Lanes;
        Capacity = executor.Signature.IsBatchable && mixes ? options.MaxBatchSize : 1;
        BatchesPerQueue = Lanes + 2;
        _admission = new(this, options);
        _queues = new(this, executor);
        Totals = new() { CostsOf = _queues.Costs };
        _runners = new(this, Lanes);
        if (Capacity > 1 && options.RecheckRate > 0 && options.AcceptDependentRowsOf != executor.Identity.Name)
            Recheck = new(this, executor.Signature, options.RecheckRate, Finish);
        if (options.MaxQueueDelay > TimeSpan.Zero) _hold = new(options.MaxQueueDelay, Budget, time, _ => Schedule());
        try
        {
            BatchCalibration.Run(this, _queues, executor);
            executor.LimitLanes(options.MaxLaneBytes);
            MemoryPressure.Register(this);
        }
        catch
        {
            _queues.Close();
            throw;
        }
    }

    public RunGate Gate { get; }

    /// <summary>The model's line at the gate, for all ways in which it is run.</summary>
    public GateFlow Flow { get; }

    /// <summary>Whether all that is to be done is work in bulk that has not been passed over long enough.</summary>
    public bool HasOnlyBulk => _queues.HasOnlyBulk(_options.MaxBulkDelay);

    public TimeProvider Time { get; }

    public ModelIdentity Identity { get; }

    public string Name => Identity.Name;

    /// <summary>What requests hear that are not answered.</summary>
    public BatchErrors Errors { get; }

    public int Lanes { get; }

    /// <summary>How long batches may run.</summary>
    public LatencyBudget Budget { get; }

    /// <summary>Rows that a lane has room for. Smaller than asked for where lanes would take too much memory.</summary>
    public int Capacity
    {
        get => Trust.IsLost ? 1 : field;
        set;
    }

    /// <summary>Batches of one shape and priority: one for each lane, one that fills, one that is full.</summary>
    public int BatchesPerQueue { get; set; }

    public long MaxLaneBytes => _options.MaxLaneBytes;

    /// <summary>Whether runs are too long for the thread pool's threads.</summary>
    public bool RunsLong { get; private set; }

    public BatchStatistics Totals { get; }

    public BatchingMetrics Metrics { get; }

    /// <summary>Runs batched rows again alone; null where none are.</summary>
    public BatchRecheck? Recheck { get; }

    /// <summary>Whether rows may have company.</summary>
    public BatchTrust Trust { get; }

    public long Now => Time.GetTimestamp();

    public bool HasWork => _queues.HasWork;

    /// <summary>Requests, or parts of them, that are not answered.</summary>
    public int InFlight => Volatile.Read(ref _counters.InFlight);

    /// <summary>Rows that wait.</summary>
    public int QueuedRows => _admission.QueuedRows;

    /// <summary>Requests in line for a place in a batch.</summary>
    public int InLine => _queues.InLine;

    /// <summary>Shapes, priorities and shared values that have a queue.</summary>
    public int Queues => _queues.Count;

    /// <summary>Whether all runners rest.</summary>
    public bool AreRunnersIdle => _runners.AreAllIdle;

    /// <summary>Whether all runners rest, and the timer is set for what they hold back.</summary>
    public bool IsHolding => _runners.AreAllIdle && _hold is not { IsParking: true };

    bool IShieldsCallers.IsShielding => true;

    private bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (_executor.Prepare(in inputs, options, out var request) is { } error) return new(Prediction.FromError(error));
        if (OwnedInputs.AreNeeded(in inputs)) return OwnedInputs.PredictAsync(this, inputs, options, cancellationToken);

        // Counted before the look at whether it is too late: who is counted is waited for.
        var inFlight = Interlocked.Increment(ref _counters.InFlight);
        if (IsDisposed)
        {
            Answered();
            throw new ObjectDisposedException(nameof(IPredictor));
        }

        if (_queues.TryFind(in inputs, in request, options?.Priority ?? RequestPriority.Normal, out var queue) is { } fault)
        {
            Answered();
            return new(Prediction.FromError(fault));
        }

        if (queue is null || request.Rows == 0) return RelayedOperation<Prediction>.Of(_direct.PassOnAsync(inputs, options, cancellationToken));
        if (_direct.TryEnter(queue, in request, inFlight) is { } lane)
            return _direct.Run(lane, queue, in inputs, in request, TimeLimit.Of(options, _options.Timeout), cancellationToken);
        if (_admission.TryEnter(queue, request.Rows, inFlight, options, out var now, out var deadline) is { } refusal)
        {
            Answered();
            return new(Prediction.FromError(refusal));
        }

        return request.Rows <= queue.Limit
            ? TryPlace(queue, in inputs, in request, 0, request.Rows, now, deadline, cancellationToken)
                ?? RelayedOperation<Prediction>.Of(_direct.PassOnAsync(inputs, options, cancellationToken))
            : RelayedOperation<Prediction>.Of(SplitRequest.RunAsync(this, queue, inputs, request, now, deadline, cancellationToken));
    }

    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        if (serviceKey is not null) return base.GetService(serviceType, serviceKey);
        if (serviceType == typeof(BatchStatistics)) return Totals;
        if (serviceType == typeof(AnswerTrust)) return Trust.InAnswers;
        return serviceType == typeof(DefaultTimeout) && TimeLimit.Of(null, _options.Timeout) is { } timeout ? new DefaultTimeout(timeout) : base.GetService(serviceType);
    }

    /// <summary>Gives up the lanes of shapes that have not come lately.</summary>
    public void Trim() => _queues.Trim();

    /// <summary>Puts a part of a request where the next lane finds it.</summary>
    internal ValueTask<Prediction> Place(
        BatchQueue queue, in PredictionInputs inputs, in BatchRequest request, int sourceRow, int rows, long now, long deadline, CancellationToken cancellationToken)
    {
        if (TryPlace(queue, in inputs, in request, sourceRow, rows, now, deadline, cancellationToken) is { } task) return task;
        Answered();
        return new(Prediction.FromError(_admission.QueueFull));
    }

    /// <summary>Puts rows that were let in where the next lane finds them; null where their queue is gone, and no other takes them.</summary>
    private ValueTask<Prediction>? TryPlace(
        BatchQueue queue, in PredictionInputs inputs, in BatchRequest request, int sourceRow, int rows, long now, long deadline, CancellationToken cancellationToken)
    {
        var slot = BatchSlot.Rent(this, in inputs, in request, sourceRow, rows, deadline, cancellationToken);
        var task = slot.Task();
        if (!_queues.TryPut(queue, slot))
        {
            LeftQueue(rows, queue.Priority);
            slot.Forget();
            return null;
        }

        slot.Watch(Time, now);
        Schedule();
        return task;
    }

    /// <summary>Counts further parts of what was counted as one.</summary>
    internal void CountParts(int parts) => Interlocked.Add(ref _counters.InFlight, parts);

    /// <summary>Called once for each request, or part of one, when it is answered, or for many at once.</summary>
    internal void Answered(int requests = 1)
    {
        if (Interlocked.Add(ref _counters.InFlight, -requests) == 0 && IsDisposed) TryFinish();
    }

    /// <summary>Called when rows no longer wait.</summary>
    internal void LeftQueue(int rows, RequestPriority priority) => _admission.Left(rows, priority);

    internal ILane? TryRentLane(LaneShape shape, int rows) => _executor.TryRent(shape, rows);

    /// <summary>Numbers the batches that are taken.</summary>
    internal long CountUse() => Interlocked.Increment(ref _uses);

    internal void Learn(BatchQueue queue, int rows, TimeSpan runTime)
    {
        queue.Sizes.Learn(rows, runTime);

        // Back at a shorter time than there, so that a model on the border does not move from thread to thread.
        var seconds = queue.Curve.Undisturbed(queue.Limit);
        if (RunsLong ? seconds < 0.7 * LongRunSeconds : seconds > LongRunSeconds) RunsLong = !RunsLong;
    }

    /// <summary>Until when an open batch is held back, and why it will be closed then; 0 where it is not.</summary>
    internal long HoldUntil(BatchQueue queue, Batch batch, out CloseReason reason)
    {
        var rows = batch.Rows;
        reason = rows >= queue.Limit ? CloseReason.Full : IsDisposed ? CloseReason.Drain : CloseReason.Idle;
        return _hold is null || reason != CloseReason.Idle ? 0 : _hold.Until(queue.Curve, batch, ref reason);
    }

    internal Batch? TakeNext() => _queues.Take(_queues.NeedsTime || _hold is not null ? Now : 0, _options.MaxBulkDelay);

    /// <summary>Lets a runner rest until there is work.</summary>
    internal void Park(BatchRunner runner)
    {
        _hold?.BeginParking();
        _runners.Push(runner);
        Recheck?.Idle();
        Interlocked.MemoryBarrier();
        if (IsDisposed) TryFinish();

        // Work that came between the look and the push found nobody idle.
        if (_hold is null ? HasWork : _hold.IsDue(_queues)) Schedule();
        _hold?.EndParking();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Recheck?.Stop();
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
        if (_runners.TryPop() is { } runner) runner.Start(SyncWaiter.Current);
    }

    private void TryFinish()
    {
        if (Volatile.Read(ref _counters.InFlight) > 0 || HasWork || !_runners.TryEnd()) return;
        if (Recheck is null) Finish();
        else Recheck.End();
    }

    private void Finish()
    {
        _queues.Close();
        _hold?.Dispose();
        _finished.Complete();
    }

    /// <summary>What callers on all cores write, apart from what they only read.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct PaddedCounters
    {
        [FieldOffset(128)]
        public int InFlight;
    }
}
