using Microsoft.Extensions.Logging;
using MlServe.Features;
using MlServe.Guests;
using MlServe.Onnx;

namespace MlServe.Docs;

/// <summary>
/// Counts the requests of a model, refuses those beyond a number, and makes bulk work wait for a permit: a layer as hooks.
/// </summary>
public sealed class PermitStage(PermitOptions options, bool isWarmUp) : PredictionStage
{
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Calls that were entered and not left.</summary>
    public int Inside { get; private set; }

    /// <summary>Calls that ended with an exception.</summary>
    public int Failures { get; private set; }

    public bool IsDisposed { get; private set; }

    public override StageOutcome Before(ref StageCall call)
    {
        Inside++;
        if (isWarmUp) return StageOutcome.Next;
        if (Interlocked.Increment(ref _calls) > options.MaxRequests)
        {
            call.Answer = Prediction.FromError(new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "No permit is left."));
            return StageOutcome.Answered;
        }

        StateOf(ref call) = call.Options;
        call.Options = (call.Options ?? new()) with { Priority = RequestPriority.Normal };
        return options.Permit is { } permit ? call.Wait(WaitAsync(permit)) : StageOutcome.Next;
    }

    public override StageOutcome Resume(ref StageCall call) => call.Answer.IsOk ? StageOutcome.Next : StageOutcome.Answered;

    public override bool Failed(ref StageCall call, Exception exception)
    {
        Failures++;
        return base.Failed(ref call, exception);
    }

    public override void Dispose()
    {
        IsDisposed = true;
        base.Dispose();
    }

    protected override void Leave(ref StageCall call)
    {
        Inside--;
        ref var state = ref StateOf(ref call);
        call.Options = (PredictionOptions?)state;
        state = null;
    }

    private static async ValueTask<Prediction> WaitAsync(Task<bool> permit) => await permit
        ? PredictionWriter.Create().Complete()
        : Prediction.FromError(new(PredictionStatus.Overloaded, PredictionErrorCode.None, "The permit was refused."));
}

public sealed class PermitOptions
{
    public int MaxRequests { get; set; } = 1000;

    public Task<bool>? Permit { get; set; }
}

/// <summary>The stage as a feature of a host's models.</summary>
public sealed class PermitFeature : ModelFeature<PermitOptions>
{
    public override string Key => "Permits";

    public override FeatureSlot Slot => FeatureSlot.Application;

    public override void Apply(ModelFeatureContext context, PermitOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Pipeline.UseStage((_, pipeline) => new PermitStage(options, pipeline.IsWarmUp));
    }
}

/// <summary>Asks another model of the host if the first has no answer: it says that it answers in the model's place.</summary>
public sealed class SecondOpinion(IPredictorDirectory? models, string other) : PredictionStage, ISubstitutesAnswers
{
    public override StageOutcome After(ref StageCall call)
    {
        // What was asked for is the answer then.
        if (StateOf(ref call) is not null || call.Answer.IsOk || models?.Find(other) is not { } predictor) return base.After(ref call);
        return call.Wait(call.Ask(predictor));
    }
}

/// <summary>A layer that sees the inputs: whether they are the caller's own, and how long it has.</summary>
public class Onlooker(IPredictor inner, Action<PredictionInputs, PredictionOptions?> seen) : DelegatingPredictor(inner)
{
    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        seen(inputs, options);
        return base.PredictAsync(inputs, options, cancellationToken);
    }
}

/// <summary>The same, which says of itself that it keeps deadlines and hands on the task of what is inside.</summary>
public sealed class MarkedOnlooker(IPredictor inner, Action<PredictionInputs, PredictionOptions?> seen)
    : Onlooker(inner, seen), IKeepsDeadlines, IShieldsCallers
{
    public bool IsShielding => Inner is IShieldsCallers { IsShielding: true };
}

/// <summary>A source that makes the model of another one's, and takes its time.</summary>
public sealed class MadeModelSource(IModelSource inner, TimeSpan time) : IUnhurriedModelSource
{
    public bool WasHurried { get; private set; }

    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        await Task.Delay(time, CancellationToken.None);
        WasHurried = cancellationToken.IsCancellationRequested;
        return await inner.ReadAsync(cancellationToken);
    }
}

/// <summary>A source that never gives its model.</summary>
public sealed class StuckModelSource : IModelSource
{
    public async ValueTask<ModelContent> ReadAsync(CancellationToken cancellationToken = default)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        throw new InvalidOperationException("It has come to an end.");
    }
}

/// <summary>Logger and clock of an application at its worst.</summary>
public sealed class BadGuest : TimeProvider, ILoggerFactory, ILogger
{
    public override long GetTimestamp() => throw new InvalidOperationException("no time");

    public override DateTimeOffset GetUtcNow() => throw new InvalidOperationException("no time");

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => throw new InvalidOperationException("no log");

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        throw new InvalidOperationException("no log");

    /// <summary>Whose fault it is.</summary>
    public static Guest Kind => Guest.Callback;
}
