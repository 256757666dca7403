using MlServe.Guests;

namespace MlServe.Batching;

/// <summary>
/// Runs a batched row again alone now and then, behind the callers' backs, and compares. The findings at load about rows in company need
/// not hold for all that callers send. One row at a time is under way. It is run on a thread of its own, only in a place of the gate that
/// nobody wants. If there never is one, nothing is checked. Rows are taken from the lane and not from their callers, who have had their
/// answers and may use their memory for something else.
/// </summary>
#pragma warning disable CA1001 // A source without a timer holds nothing.
internal sealed class BatchRecheck
#pragma warning restore CA1001
{
    private const int Resting = 0;
    private const int Taking = 1;
    private const int Waiting = 2;
    private const int Running = 3;
    private const int Ended = 4;

    private readonly BatchContext _context;
    private readonly BatchQueues _queues;
    private readonly RecheckJudge _judge;
    private readonly RecheckThread _thread;
    private readonly CancellationTokenSource _stop = new();
    private readonly Action _whenEnded;
    private readonly long _period;
    private long _rowsLeft;
    private volatile bool _cannot;
    private volatile bool _isEnding;
    private int _state;
    private uint _draw = 2463534242;
    private ILane? _lane;
    private PreparedRequest _request;
    private Prediction _inCompany;
    private int _batchRows;

    /// <param name="context">The settings and facts that the parts of the batcher share.</param>
    /// <param name="queues">Whether there is work that goes first.</param>
    /// <param name="signature">The model's.</param>
    /// <param name="rate">The share of rows to run again, more than 0.</param>
    /// <param name="whenEnded">Called once, when nothing is under way any more after <see cref="End"/>.</param>
    public BatchRecheck(BatchContext context, BatchQueues queues, ModelSignature signature, double rate, Action whenEnded)
    {
        _context = context;
        _queues = queues;
        _judge = new(signature);
        _thread = new(this, context.Name);
        _whenEnded = whenEnded;
        _period = (long)Math.Clamp(1 / rate, 1, long.MaxValue / 4);
        _rowsLeft = _period;
    }

    /// <summary>Counts the rows of a batch that has run, and takes one of them when it is time. Its lane still holds what it ran.</summary>
    public void Ran(Batch batch, ReadOnlySpan<BatchSlot?> slots)
    {
        var rows = batch.Rows;
        if (rows < 2 || _cannot || _stop.IsCancellationRequested || Interlocked.Add(ref _rowsLeft, -rows) > 0) return;
        if (Interlocked.CompareExchange(ref _state, Taking, Resting) != Resting) return;
        Volatile.Write(ref _rowsLeft, _period);
        var isTaken = false;
        try
        {
            isTaken = TryTake(batch, slots, rows);
        }
#pragma warning disable CA1031 // Whatever a lane throws: the callers wait for their answers.
        catch (Exception)
#pragma warning restore CA1031
        {
        }

        if (!isTaken) LetGo();
        Volatile.Write(ref _state, isTaken ? Waiting : Resting);
        if (isTaken) _thread.Wake();
    }

    /// <summary>Says that a runner has nothing to do.</summary>
    public void Idle()
    {
        if (Volatile.Read(ref _state) == Waiting) _thread.Wake();
    }

    /// <summary>Takes no more rows, and cuts a run under way off.</summary>
    public void Stop() => _stop.CancelQuietly();

    /// <summary>Ends it, once; it has been stopped, and no batch runs any more.</summary>
    public void End()
    {
        // Whoever finishes a run looks at this after having said so. That it was stopped says less: batches may still run.
        _isEnding = true;
        Interlocked.MemoryBarrier();
        Stop();
        _thread.End();
        while (true)
        {
            var seen = Volatile.Read(ref _state);
            if (seen == Running) return;
            if (Interlocked.CompareExchange(ref _state, Ended, seen) != seen) continue;
            if (seen != Ended) Close();
            return;
        }
    }

    /// <summary>Runs the row that waits, if there is a place that nobody wants. Called by the thread.</summary>
    public void TryRun()
    {
        if (_queues.HasWork || Interlocked.CompareExchange(ref _state, Running, Waiting) != Waiting) return;
        if (!_context.Gate.TryEnter())
        {
            Finish(Waiting);
            return;
        }

        try
        {
            RunAndTell();
        }
#pragma warning disable CA1031 // A last net: nobody waits for a check, and whatever it throws must not end the process.
        catch (Exception)
#pragma warning restore CA1031
        {
        }

        LetGo();
        Finish(Resting);
    }

    private void RunAndTell()
    {
        var outcome = RecheckOutcome.Failed;
        try
        {
            outcome = Run();
        }
        finally
        {
            _context.Gate.Exit();
            if (!_stop.IsCancellationRequested) _context.Trust.Rechecked(outcome, _batchRows, _judge.Difference);
        }
    }

    private bool TryTake(Batch batch, ReadOnlySpan<BatchSlot?> slots, int rows)
    {
        var row = Draw(rows);
        var first = 0;
        var index = 0;
        while (row >= first + slots[index]!.Rows)
            first += slots[index++]!.Rows;

        _request = slots[index]!.Request with { Rows = 1 };
        _batchRows = rows;
        _lane = _context.Memory.TryRent(_request.Shape, 1);
        if (_lane is null) return false;
        if (!batch.Lane.TryCopyRow(row, _lane))
        {
            _cannot = true;
            return false;
        }

        _inCompany = batch.Lane.Read(_request, row, default);
        if (!_inCompany.IsOk) return false;
        var other = (row + 1 + Draw(rows - 1)) % rows;
        using var neighbour = batch.Lane.Read(_request, other, default);
        if (neighbour.IsOk) _judge.Learn(in neighbour);
        return true;
    }

    private RecheckOutcome Run()
    {
        if (_lane!.Run(1, _request.Outputs, _stop.Token) is not null) return RecheckOutcome.Failed;
        using var alone = _lane.Read(_request, 0, default);
        var outcome = _judge.Judge(in alone, in _inCompany);
        if (outcome != RecheckOutcome.Different) return outcome;

        // Whether company is to blame is told by another run alone.
        using var again = _context.Memory.TryRent(_request.Shape, 1);
        if (again is null || !_lane.TryCopyRow(0, again) || again.Run(1, _request.Outputs, _stop.Token) is not null) return outcome;
        using var second = again.Read(_request, 0, default);
        return second.IsOk && RecheckJudge.IsSameAgain(in alone, in second) ? outcome : RecheckOutcome.Unrepeatable;
    }

    private void Finish(int state)
    {
        Interlocked.Exchange(ref _state, state);
        if (_isEnding && Interlocked.CompareExchange(ref _state, Ended, state) == state) Close();
    }

    private void Close()
    {
        LetGo();
        _whenEnded();
    }

    private void LetGo()
    {
        _inCompany.Dispose();
        _inCompany = default;
        if (_lane is { } lane) Background.Quietly(Guest.Layer, lane.Dispose);
        _lane = null;
    }

    /// <summary>A number below a bound: places in a batch must not be the same each time. Only the code that takes a row draws.</summary>
    private int Draw(int bound)
    {
        _draw ^= _draw << 13;
        _draw ^= _draw >> 17;
        _draw ^= _draw << 5;
        return (int)(_draw % (uint)Math.Max(1, bound));
    }
}
