using MlServe.Tensors;
using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// Runs requests together. A batch grows while the lanes are busy and starts the moment one is free. So a lone request runs at once on its
/// caller's thread. Under load batches grow by themselves to the size that the model can take.
/// </summary>
internal sealed class BatchingPredictor : DelegatingPredictor, IKeepsDeadlines, ITakesDeadlines, ITrimmable, IShieldsCallers
{
    private readonly BatchContext _context;
    private readonly IModelExecutor _executor;
    private readonly BatchQueues _queues;
    private readonly BatchScheduler _scheduler;
    private readonly BatchAdmission _admission;
    private readonly InFlight _inFlight;
    private readonly DirectRuns _direct;

    /// <param name="inner">The model.</param>
    /// <param name="executor">Runs its rows.</param>
    /// <param name="context">The settings and facts that the parts of the batcher share.</param>
    public BatchingPredictor(IPredictor inner, IModelExecutor executor, BatchContext context)
        : base(inner)
    {
        _context = context;
        _executor = executor;
        _admission = context.Admission;
        _inFlight = context.InFlight;
        var past = inner is IKeepsDeadlines
            ? inner
            : new LimitedPredictor(inner, new(Timeout.InfiniteTimeSpan), context.Time, context.Metrics.Overruns);
        _direct = new(context, past, executor);
        _queues = new(context, executor);
        _scheduler = new(context, _queues, executor);
        context.Totals.CostsOf = _queues.Costs;
        try
        {
            context.Calibration = new(context, _scheduler, executor);
            context.Calibration.Begin(_queues);
            executor.LimitLanes(context.Options.MaxLaneBytes);
            MemoryPressure.Register(this);
        }
        catch
        {
            _queues.Close();
            throw;
        }
    }

    /// <summary>Batches that run at once.</summary>
    public int Lanes => _context.Lanes;

    /// <summary>Rows that a lane has room for.</summary>
    public int Capacity => _context.Memory.Capacity;

    public BatchStatistics Totals => _context.Totals;

    public bool HasWork => _queues.HasWork;

    /// <summary>Requests, or parts of them, that are not answered.</summary>
    public int InFlight => _inFlight.Count;

    /// <summary>Rows that wait.</summary>
    public int QueuedRows => _admission.QueuedRows;

    /// <summary>Requests in line for a place in a batch.</summary>
    public int InLine => _queues.InLine;

    /// <summary>Shapes, priorities and shared values that have a queue.</summary>
    public int Queues => _queues.Count;

    /// <inheritdoc cref="BatchScheduler.AreRunnersIdle"/>
    public bool AreRunnersIdle => _scheduler.AreRunnersIdle;

    /// <inheritdoc cref="BatchScheduler.IsHolding"/>
    public bool IsHolding => _scheduler.IsHolding;

    bool IShieldsCallers.IsShielding => true;

    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        PredictAsync(inputs, options, Deadline.Never, cancellationToken);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Prediction>(cancellationToken);
        if (_executor.Prepare(in inputs, options, out var request) is { } error) return new(Prediction.FromError(error));
        if (OwnedInputs.AreNeeded(in inputs)) return OwnedInputs.PredictAsync(this, inputs, options, deadline, cancellationToken);

        var inFlight = _inFlight.Enter();
        if (_inFlight.IsDraining)
        {
            _inFlight.Answered();
            throw new ObjectDisposedException(nameof(IPredictor));
        }

        if (_queues.TryFind(in inputs, in request, options?.Priority ?? RequestPriority.Normal, out var queue) is { } fault)
            return Refuse(fault);
        var end = EndOf(options, deadline, out var now);
        if (queue is null || request.Rows == 0) return PassOn(inputs, options, end, cancellationToken);
        if (now >= end) return Refuse(_context.Errors.TimedOut(isRun: false));
        if (_direct.TryEnter(queue, in request, inFlight) is { } lane)
            return _direct.Run(lane, queue, in inputs, in request, now, end, cancellationToken);
        if (_admission.TryEnter(queue, request.Rows, inFlight, now, end) is { } refusal)
            return Refuse(refusal);
        return request.Rows <= queue.Limit
            ? TryPlace(queue, in inputs, in request, 0, request.Rows, now, end, cancellationToken)
                ?? PassOn(inputs, options, end, cancellationToken)
            : RelayedOperation<Prediction>.Of(
                SplitRequest.RunAsync(this, _context, queue, inputs, request, now, end, cancellationToken));
    }

    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        if (serviceKey is not null) return base.GetService(serviceType, serviceKey);
        if (serviceType == typeof(BatchStatistics)) return Totals;
        if (serviceType == typeof(AnswerTrust)) return _context.Trust.InAnswers;
        return serviceType == typeof(DefaultTimeout) && Deadline.LimitOf(null, _context.Options.Timeout) is { } timeout
            ? new DefaultTimeout(timeout)
            : base.GetService(serviceType);
    }

    /// <summary>Gives up the lanes of shapes that have not come lately.</summary>
    public void Trim() => _queues.Trim();

    /// <summary>Puts a part of a request into a batch, from which a runner takes it.</summary>
    internal ValueTask<Prediction> Place(
        BatchQueue queue,
        in PredictionInputs inputs,
        in PreparedRequest request,
        int sourceRow,
        int rows,
        long now,
        long deadline,
        CancellationToken cancellationToken) =>
        TryPlace(queue, in inputs, in request, sourceRow, rows, now, deadline, cancellationToken) ?? Refuse(_admission.QueueFull);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _context.Calibration?.Stop();
            _scheduler.BeginDrain();
        }

        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        Dispose(disposing: true);
        await _scheduler.Finished.ConfigureAwait(false);
        await base.DisposeAsyncCore().ConfigureAwait(false);
    }

    /// <summary>Puts rows that were let in into a batch; null if their queue is gone, and no other takes them.</summary>
    private ValueTask<Prediction>? TryPlace(
        BatchQueue queue,
        in PredictionInputs inputs,
        in PreparedRequest request,
        int sourceRow,
        int rows,
        long now,
        long deadline,
        CancellationToken cancellationToken)
    {
        var slot = BatchSlot.Rent(_context, in inputs, in request, sourceRow, rows, deadline, cancellationToken);
        var task = slot.Task();
        if (!_queues.TryPut(queue, slot))
        {
            _admission.Left(rows, queue.Priority);
            slot.Forget();
            return null;
        }

        slot.Watch(_context.Time, now);
        _scheduler.Schedule();
        return task;
    }

    private ValueTask<Prediction> Refuse(PredictionError error)
    {
        _inFlight.Answered();
        return new(Prediction.FromError(error));
    }

    /// <summary>The timestamp until which a caller waits; <see cref="long.MaxValue"/>: never.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="deadline">The deadline that a limit outside has made of them.</param>
    /// <param name="now">The moment, if it has a deadline.</param>
    private long EndOf(PredictionOptions? options, Deadline deadline, out long now)
    {
        var limit = deadline.IsNever ? Deadline.LimitOf(options, _context.Options.Timeout) : null;
        now = limit is null && deadline.IsNever ? 0 : _context.Now;
        return limit is { } time ? Timestamps.After(_context.Time, now, time) : deadline.On(_context.Time);
    }

    private ValueTask<Prediction> PassOn(
        PredictionInputs inputs, PredictionOptions? options, long deadline, CancellationToken cancellationToken) =>
        RelayedOperation<Prediction>.Of(_direct.PassOnAsync(inputs, options, new(_context.Time, deadline), cancellationToken));
}
