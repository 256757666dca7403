namespace MlServe.Tests.Fakes;

internal delegate bool BeforeHook(ref StageCall call);

internal delegate void AfterHook(ref StageCall call);

/// <summary>Writes down when its hooks run.</summary>
internal sealed class FakeStage(string name, List<string> log) : PredictionStage
{
    public BeforeHook? OnBefore { get; init; }

    public AfterHook? OnAfter { get; init; }

    public Action<Exception>? OnFailed { get; init; }

    public override StageOutcome Before(ref StageCall call)
    {
        log.Add($"{name} before");
        return OnBefore is null || OnBefore(ref call) ? StageOutcome.Next : StageOutcome.Answered;
    }

    public override StageOutcome After(ref StageCall call)
    {
        log.Add($"{name} after {call.Answer.Status}");
        OnAfter?.Invoke(ref call);
        return StageOutcome.Next;
    }

    public override bool Failed(ref StageCall call, Exception exception)
    {
        log.Add($"{name} failed {exception.Message}");
        OnFailed?.Invoke(exception);
        return false;
    }

    public override void Dispose()
    {
        log.Add($"{name} disposed");
        base.Dispose();
    }
}
