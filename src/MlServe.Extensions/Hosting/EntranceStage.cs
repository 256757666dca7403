using MlServe.Threading;

namespace MlServe.Hosting;

/// <summary>
/// Turns requests away while a model cannot answer, and counts those that it let in, so that a model is closed only when they have been answered.
/// </summary>
internal sealed class EntranceStage(PredictionError refusal) : PredictionStage
{
    private readonly UrgentCompletion _idle = new();
    private PredictionError? _refusal = refusal;
    private int _inside;
    private bool _isClosed;

    /// <summary>Why requests are turned away; null while they are let in.</summary>
    public PredictionError? Refusal => Volatile.Read(ref _refusal);

    /// <summary>The requests that have been let in, or are just being turned away.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <summary>One that lets all in.</summary>
    public static EntranceStage Opened()
    {
        var entrance = new EntranceStage(new(PredictionStatus.NotReady, PredictionErrorCode.NotLoaded, ""));
        entrance.Open();
        return entrance;
    }

    /// <summary>Lets requests in.</summary>
    public void Open() => Volatile.Write(ref _refusal, null);

    /// <summary>Turns requests away.</summary>
    public void Refuse(PredictionError reason) => Volatile.Write(ref _refusal, reason);

    /// <summary>Turns requests away for good.</summary>
    /// <returns>Completes when those that were let in have been answered.</returns>
    public Task Close(PredictionError reason)
    {
        Interlocked.Exchange(ref _refusal, reason);
        Interlocked.Exchange(ref _isClosed, true);
        if (Inside == 0) _idle.Complete();
        return _idle.Task;
    }

    public override StageOutcome Before(ref StageCall call)
    {
        // Counted before the look at the door: whoever closes it either sees this request inside or has already shut it out.
        Interlocked.Increment(ref _inside);
        if (Refusal is not { } refusal) return StageOutcome.Next;
        call.Answer = Prediction.FromError(refusal);
        return StageOutcome.Answered;
    }

    public override StageOutcome After(ref StageCall call)
    {
        Leave();
        return StageOutcome.Next;
    }

    public override bool Failed(ref StageCall call, Exception exception)
    {
        Leave();
        return false;
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _inside) == 0 && Volatile.Read(ref _isClosed)) _idle.Complete();
    }
}
