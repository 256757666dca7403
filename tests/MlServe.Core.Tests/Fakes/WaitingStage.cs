namespace MlServe.Tests.Fakes;

/// <summary>Waits before a call and after it, and writes down when its hooks run.</summary>
internal sealed class WaitingStage(string name, List<string> log) : PredictionStage
{
    private int _resumed;

    public Func<ValueTask<Prediction>>? WaitsBefore { get; init; }

    public Func<ValueTask<Prediction>>? WaitsAgain { get; init; }

    public Func<ValueTask<Prediction>>? WaitsAfter { get; init; }

    /// <summary>What it says each time it is resumed.</summary>
    public StageOutcome[] Resumed { get; init; } = [];

    public Action? OnResume { get; init; }

    public bool AnswersFailures { get; init; }

    public override StageOutcome Before(ref StageCall call)
    {
        log.Add($"{name} before");
        return Wait(ref call, WaitsBefore);
    }

    public override StageOutcome Resume(ref StageCall call)
    {
        log.Add($"{name} resumed");
        OnResume?.Invoke();
        var outcome = Resumed[_resumed++];
        return outcome == StageOutcome.Pending ? Wait(ref call, WaitsAgain) : outcome;
    }

    public override StageOutcome After(ref StageCall call)
    {
        log.Add($"{name} after");
        return Wait(ref call, WaitsAfter);
    }

    public override bool Failed(ref StageCall call, Exception exception)
    {
        log.Add($"{name} failed");
        if (AnswersFailures) call.Answer = Prediction.FromError(FakePredictor.Refusal);
        return AnswersFailures;
    }

    private static StageOutcome Wait(ref StageCall call, Func<ValueTask<Prediction>>? wait) =>
        wait is null ? StageOutcome.Next : call.Wait(wait());
}
