using MlServe.Threading;

namespace MlServe.Batching;

/// <summary>
/// Brings runners and batches together. It wakes a runner when there is work, gives it the next batch, lets it rest, and ends all of them
/// when a batcher closes.
/// </summary>
#pragma warning disable CA1001 // The timer goes when the batcher has answered its last request.
internal sealed class BatchScheduler
#pragma warning restore CA1001
{
    /// <summary>Runs longer than this leave the thread pool alone.</summary>
    private const double LongRunSeconds = 1e-3;

    private readonly BatchContext _context;
    private readonly BatchQueues _queues;
    private readonly IdleRunners _runners;
    private readonly DelayTimer? _timer;
    private readonly UrgentCompletion _finished = new();

    public BatchScheduler(BatchContext context, BatchQueues queues, IModelExecutor executor)
    {
        _context = context;
        _queues = queues;
        _runners = new(this, context);
        var rate = context.Options.RecheckRate;
        if (context.Memory.Capacity > 1 && rate > 0 && context.Options.AcceptDependentRowsOf != context.Name)
            Recheck = new(context, queues, executor.Signature, rate, EndCalibration);
        if (context.Delay.IsOn) _timer = new(queues, context.Time, _ => Schedule());
    }

    /// <summary>Completes when all requests have been answered after <see cref="BeginDrain"/>, and all lanes are given back.</summary>
    public Task Finished => _finished.Task;

    /// <summary>Runs batched rows again alone; null if none are.</summary>
    public BatchRecheck? Recheck { get; }

    /// <summary>Whether runs are too long for the thread pool's threads.</summary>
    public bool RunsLong { get; private set; }

    /// <summary>Whether there is a batch to run.</summary>
    public bool HasWork => _queues.HasWork;

    /// <summary>Whether all that is to be done is work in bulk that has not been passed over long enough.</summary>
    public bool HasOnlyBulk => _queues.HasOnlyBulk();

    /// <summary>Whether all runners rest.</summary>
    public bool AreRunnersIdle => _runners.AreAllIdle;

    /// <summary>Whether all runners rest, and the timer is set for what they hold back.</summary>
    public bool IsHolding => _runners.AreAllIdle && _timer is not { IsParking: true };

    /// <summary>Wakes a runner, if one rests.</summary>
    public void Schedule()
    {
        if (_runners.TryPop() is { } runner) runner.Start(SyncWaiter.Current);
    }

    /// <summary>The batch that is next; null if none may go.</summary>
    public Batch? TakeNext() => _queues.Take(_queues.NeedsTime || _timer is not null ? _context.Now : 0);

    /// <summary>Learns what a run took.</summary>
    public void Learn(BatchQueue queue, int rows, TimeSpan runTime)
    {
        queue.Sizes.Learn(rows, runTime);

        // Back at a shorter time than there, so that a model on the border does not move from thread to thread.
        var seconds = queue.Curve.Undisturbed(queue.Limit);
        if (RunsLong ? seconds < 0.7 * LongRunSeconds : seconds > LongRunSeconds) RunsLong = !RunsLong;
    }

    /// <summary>Lets a runner rest until there is work.</summary>
    public void Park(BatchRunner runner)
    {
        _timer?.BeginParking();
        _runners.Push(runner);
        Recheck?.Idle();
        Interlocked.MemoryBarrier();
        if (_context.InFlight.IsDraining) TryFinish();

        // Work that came between the look and the push found nobody idle.
        if (_timer is null ? HasWork : _timer.IsDue()) Schedule();
        _timer?.EndParking();
    }

    /// <summary>Lets no more requests in, answers those that there are, and then gives everything back.</summary>
    public void BeginDrain()
    {
        if (!_context.InFlight.TryDrain(TryFinish)) return;
        Recheck?.Stop();
        Schedule();
        TryFinish();
    }

    private void TryFinish()
    {
        if (_context.InFlight.Count > 0 || HasWork || !_runners.TryEnd()) return;
        if (Recheck is null) EndCalibration();
        else Recheck.End();
    }

    private void EndCalibration()
    {
        if (_context.Calibration is { } calibration) calibration.End(Finish);
        else Finish();
    }

    private void Finish()
    {
        _queues.Close();
        _timer?.Dispose();
        _finished.Complete();
    }
}
