using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// One of the places in which a predictor runs batches. It goes to the back of the thread pool's global queue after each batch, behind the
/// continuations of the callers whom it has just answered. They have written their next rows by the time it comes round again. If runs are
/// long it has a thread of its own, and the pool's are left to the host. A caller that waits in a synchronous call runs batches itself
/// until it has its answer.
/// </summary>
internal sealed class BatchRunner(BatchScheduler scheduler, BatchContext context) : UrgentWork, IGateWaiter
{
    private readonly RunGate _gate = context.Gate;
    private RunnerThread? _thread;
    private WaiterTicket _caller;
    private bool _hasPlace;

    public GateFlow? Flow => context.Flow;

    public bool Yields => scheduler.HasOnlyBulk;

    public long Charge { get; set; }

    /// <summary>Begins to work; called by the code that took the runner from the idle ones.</summary>
    /// <param name="caller">The caller that waits for the runs, if it may run them itself.</param>
    public void Start(WaiterTicket caller)
    {
        _caller = caller;
        Start();
    }

    void IGateWaiter.Enter()
    {
        _hasPlace = true;
        Start();
    }

    protected override void Execute(UrgentPlace place) => Execute(goesOnHere: place == UrgentPlace.PoolThread);

    /// <param name="goesOnHere">Whether waiting code goes on on this thread.</param>
    public void Execute(bool goesOnHere)
    {
        if (!_hasPlace && !_gate.TryEnter())
        {
            _gate.Enqueue(this);
            return;
        }

        // Timed only where others may wait.
        var waited = _hasPlace;
        var started = waited ? context.Now : 0;
        _hasPlace = false;
        var batch = scheduler.TakeNext();
        if (batch is null)
        {
            if (waited) _gate.Exit(this, null);
            else _gate.Exit();
            _caller = default;
            scheduler.Park(this);
            return;
        }

        var (answers, waiters) = TryRun(batch, out var ran);
        if (waited) _gate.Exit(this, context.Time.GetElapsedTime(started));
        else _gate.Exit();
        batch.Queue.Recycle(batch);

        // Who has been answered comes back with the next row.
        if (answers is not null || waiters is not null || scheduler.HasWork)
        {
            Start();
        }
        else
        {
            _caller = default;
            scheduler.Park(this);
        }

        // The answers first: a listener may take its time.
        waiters?.WakeAll();
        answers?.Begin(goesOnHere);
        context.Metrics.Ran(in ran);
    }

    private void Start()
    {
        if (scheduler.RunsLong) (_thread ??= new(this, context.Name)).Signal();
        else if (!_caller.TryRun(this)) Queue(HelperThreads.ForRuns);
    }

    /// <summary>Ends the runner's own thread, if it has one.</summary>
    public void End() => _thread?.End();

    /// <summary>The last net: at any failure, each request of the batch is answered and the runner goes on.</summary>
    private (BatchAnswers? Answers, BatchAnswers? Waiters) TryRun(Batch batch, out RanBatch ran)
    {
        ran = default;
        try
        {
            return Run(batch, ref ran);
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            GuestReports.OfProcess.Add(Guest.Own, exception);
            var error = context.Errors.Failed(exception);
            foreach (var slot in batch.Slots)
            {
                if (slot?.TryTake() != true) continue;
                slot.Answer(Prediction.FromError(error));
                slot.Release();
            }

            return default;
        }
    }

    /// <returns>The answers that are still to be given: to those whose waiting code goes on somewhere, and to threads that wait.</returns>
    private (BatchAnswers? Answers, BatchAnswers? Waiters) Run(Batch batch, ref RanBatch ran)
    {
        batch.WaitUntilWritten();
        var slots = batch.Slots;
        context.Admission.Left(batch.Rows, batch.Queue.Priority);

        var pending = 0;
        foreach (var slot in slots)
        {
            if (slot is not { IsPending: true }) continue;
            pending++;
        }

        if (pending > 0 && slots.Length > 1 && context.Trust.IsLost)
        {
            PoisonIsolation.RunApart(this, batch, slots, OutputsOf(slots));
            context.Totals.Ran(batch.Reason, batch.Rows, slots.Length);
        }
        else if (pending > 0 && batch.HasGap)
        {
            PoisonIsolation.RunWritten(this, batch, slots, OutputsOf(slots));
            context.Totals.Ran(batch.Reason, batch.Rows, slots.Length);
        }
        else if (pending > 0)
        {
            var outputs = OutputsOf(slots);
            var cut = batch.BeginRun(slots, context.Now, context.Time);
            var error = RunLane(batch, batch.Rows, outputs, cut, out var origin);
            batch.EndRun(slots);
            context.Totals.Ran(batch.Reason, batch.Rows, slots.Length);
            ran = new(batch.Reason, batch.Rows, origin.RunTime, origin.QueueTime);
            if (error is null) scheduler.Recheck?.Ran(batch, slots);
            if (error is null && slots.Length > 1) return ReadAll(batch.Lane, slots, origin);
            if (error is null) AnswerOne(slots[0]!, batch.Lane, 0, in origin);
            else if (slots.Length == 1) AnswerOne(slots[0]!, error);
            else PoisonIsolation.Run(this, batch, slots, outputs);
        }

        foreach (var slot in slots)
            slot?.Release();
        return default;
    }

    /// <summary>Runs the rows in the batch's lane, and tells the curve their cost.</summary>
    /// <returns>Null, or why it failed: each request in it must hear of it, no matter which error it is.</returns>
    internal PredictionError? RunLane(
        Batch batch, int rows, OutputSelection outputs, CancellationToken cancellationToken, out PredictionOrigin origin)
    {
        origin = default;
        var (expected, alone) = batch.Queue.Sizes.Expect(rows);
        var started = context.Now;
        try
        {
            var error = batch.Lane.Run(rows, outputs, cancellationToken);
            var ended = context.Now;
            var runTime = context.Time.GetElapsedTime(started, ended);
            if (error is null) scheduler.Learn(batch.Queue, rows, runTime);
            origin = new()
            {
                Model = context.Identity,
                BatchRows = rows,
                QueueTime = context.Time.GetElapsedTime(batch.OpenedAt, started),
                RunTime = runTime,
                ExpectedRunTime = expected,
                ExpectedTimeAlone = alone,
            };
            return error;
        }
#pragma warning disable CA1031 // Whatever an executor throws, the requests in its batch must be answered.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return context.Errors.Failed(exception);
        }
    }

    internal static void AnswerOne(BatchSlot slot, PredictionError error)
    {
        if (!slot.TryTake()) return;
        if (error.Exception is OperationCanceledException cancelled && slot.CancellationToken.IsCancellationRequested)
            slot.Answer(cancelled);
        else slot.Answer(Prediction.FromError(error));
    }

    internal static void AnswerOne(BatchSlot slot, ILane lane, int row, in PredictionOrigin origin)
    {
        if (slot.TryTake()) slot.Answer(Read(slot, lane, row, in origin));
    }

    private static Prediction Read(BatchSlot slot, ILane lane, int row, in PredictionOrigin origin)
    {
        try
        {
            return lane.Read(slot.Request, row, in origin);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Prediction.FromError(slot.Errors.Unread(exception));
        }
    }

    /// <summary>Reads the answers out of the lane; null if nobody of a kind is left to be answered.</summary>
    private (BatchAnswers? Answers, BatchAnswers? Waiters) ReadAll(ILane lane, ReadOnlySpan<BatchSlot?> slots, in PredictionOrigin origin)
    {
        BatchAnswers? answers = null, waiters = null;
        var row = 0;
        foreach (var slot in slots)
        {
            // Read first: whoever has it back may use it for the next request at once.
            var rows = slot!.Rows;
            if (slot.TryTake())
            {
                ref var kind = ref slot.HasWaiter ? ref waiters : ref answers;
                (kind ??= BatchAnswers.Rent(context.InFlight, slots.Length)).Add(slot, Read(slot, lane, row, in origin));
            }
            else
            {
                slot.Release();
            }

            row += rows;
        }

        if (answers is { Count: > 1 }) context.InFlight.Answered(answers.Count - 1);
        return (answers, waiters);
    }

    /// <summary>The outputs that all requests want, or all outputs if they want different ones.</summary>
    private static OutputSelection OutputsOf(ReadOnlySpan<BatchSlot?> slots)
    {
        var first = slots[0]!.Request.Outputs;
        foreach (var slot in slots)
        {
            if (!ReferenceEquals(slot!.Request.Outputs, first)) return first.Signature.AllOutputs;
        }

        return first;
    }
}
