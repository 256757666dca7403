using MlServe.Threading;

namespace MlServe.Caching;

/// <summary>
/// A request that waits for an equal one. The first to claim it ends it: the one that computes, its own caller's token, or its own
/// deadline. One that computed and gave up may make it a successor, which goes on by itself.
/// </summary>
internal sealed class FlightFollower : PooledSource, IDeadlineOwner
{
    private readonly CancellationToken _cancellationToken;
    private readonly TimeProvider _time;
    private readonly long _deadline;
    private readonly ModelIdentity _model;
    private CancellationTokenRegistration _registration;
    private DeadlineAlarm? _alarm;
    private OwnedInputs? _own;
    private int _isClaimed;

    public FlightFollower(
        RequestPriority priority, TimeSpan? limit, long deadline, TimeProvider time, ModelIdentity model,
        CancellationToken cancellationToken)
    {
        Priority = priority;
        Limit = limit;
        _time = time;
        _cancellationToken = cancellationToken;
        _model = model;
        _deadline = deadline;
        ContinuesElsewhere = true;
#pragma warning disable CA2012 // Handed to the one caller that waits.
        Answer = Begin();
#pragma warning restore CA2012
    }

    /// <summary>The answer that its caller awaits, once.</summary>
    public ValueTask<Prediction> Answer { get; }

    /// <summary>Whether it is to compute in place of one that gave up.</summary>
    public bool IsSuccessor => Lead.Flight is not null;

    /// <summary>The computation of a successor.</summary>
    public FlightLead Lead { get; private set; }

    /// <summary>The priority among waiting requests.</summary>
    public RequestPriority Priority { get; }

    /// <summary>How long its caller waits in all; null: as long as it takes.</summary>
    public TimeSpan? Limit { get; }

    /// <summary>Begins to listen to the caller's token and deadline; once it stands among those that wait.</summary>
    public void Watch()
    {
        if (_cancellationToken.CanBeCanceled)
        {
            _registration = _cancellationToken.UnsafeRegister(static follower => ((FlightFollower)follower!).Cancel(), this);

            // Whoever claimed it meanwhile did not see the registration.
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _isClaimed) != 0) _registration.Unregister();
        }

        if (_deadline == long.MaxValue) return;

        var alarm = new DeadlineAlarm(this);
        Volatile.Write(ref _alarm, alarm);
        alarm.Start(_time, _deadline);
        if (Volatile.Read(ref _isClaimed) != 0) alarm.Dispose();
    }

    /// <summary>Claims the right to end it.</summary>
    public bool TryClaim()
    {
        if (Interlocked.Exchange(ref _isClaimed, 1) != 0) return false;
        Volatile.Read(ref _alarm)?.Dispose();
        _registration.Unregister();
        return true;
    }

    /// <summary>Makes one that was claimed a successor.</summary>
    /// <param name="lead">Its computation.</param>
    /// <param name="own">A copy of the inputs, which it owns from now on; null: there is none yet.</param>
    public void Succeed(FlightLead lead, OwnedInputs? own)
    {
        Lead = lead;
        _own = own;
        base.SetResult(default);
    }

    /// <summary>Hands out the copy that a successor owns.</summary>
    public OwnedInputs? TakeInputs()
    {
        var own = _own;
        _own = null;
        return own;
    }

    /// <summary>Ends one that was claimed.</summary>
    public new void SetResult(Prediction answer) => base.SetResult(answer);

    /// <inheritdoc cref="SetResult"/>
    public new void SetException(Exception exception) => base.SetException(exception);

    protected override void Read()
    {
    }

    private void Cancel()
    {
        if (TryClaim()) SetException(new OperationCanceledException(_cancellationToken));
    }

    void IDeadlineOwner.Expire(int turn)
    {
        if (!TryClaim()) return;
        SetResult(Prediction.FromError(new(
            PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut,
            "An equal request was being computed, and the caller's timeout of {0} ended first.",
            Limit)
        {
            Model = _model,
        }));
    }
}
