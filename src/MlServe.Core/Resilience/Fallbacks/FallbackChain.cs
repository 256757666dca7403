using System.Runtime.CompilerServices;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>
/// Those that answer where a model does not: asked in order, each with what is left of the caller's time. Safe for concurrent use.
/// </summary>
internal sealed class FallbackChain
{
    private readonly FallbackMetrics _metrics;
    private readonly TimeProvider _time;
    private volatile FallbackStep[] _steps;
    private readonly ConditionalWeakTable<FallbackStep, IPredictor> _limited = [];
    private readonly ConditionalWeakTable<FallbackStep, IPredictor>.CreateValueCallback _limit;

    /// <param name="inner">The model.</param>
    /// <param name="model">Its name.</param>
    /// <param name="steps">Those that stand in for it; none: they follow.</param>
    /// <param name="targets">Finds models by their names.</param>
    /// <param name="metrics">Where to report.</param>
    /// <param name="time">The clock.</param>
    public FallbackChain(
        IPredictor inner, string model, IEnumerable<FallbackStep> steps, IFallbackTargets? targets, FallbackMetrics metrics,
        TimeProvider time)
    {
        Inner = inner;
        Model = model;
        _steps = [.. steps];
        Targets = targets;
        _metrics = metrics;
        _time = time;
        _limit = Limit;
        TellBreaker();
    }

    public string Model { get; }

    public IFallbackTargets? Targets { get; }

    /// <summary>Those that stand in for the model.</summary>
    public IReadOnlyList<FallbackStep> Steps => _steps;

    /// <summary>The model's earlier answers; looked for each time, since the model may be loaded later, and anew.</summary>
    public IStaleAnswers? StaleAnswers => Inner.GetService<IStaleAnswers>();

    /// <summary>The model.</summary>
    public IPredictor Inner { get; }

    public FallbackStatistics Counts { get; } = new();

    /// <summary>The model that is asked as well if the first is late, and how late; null: none is.</summary>
    public ModelStep? Hedging => _steps is [ModelStep { After: not null } other, ..] ? other : null;

    /// <summary>Says who stands in, where that was not known at first.</summary>
    internal void SetSteps(IEnumerable<FallbackStep> steps)
    {
        _steps = [.. steps];
        TellBreaker();
    }

    /// <summary>
    /// Lets the model's circuit breaker, where there is one by now, know whether others answer. An earlier answer is there for few
    /// requests, and does not count.
    /// </summary>
    internal void TellBreaker()
    {
        if (Inner.GetService<ICircuitBreaker>() is CircuitBreaker breaker)
            breaker.HasFallback = Array.Exists(_steps, static step => step is not StaleAnswerStep);
    }

    /// <summary>What the caller has done wrong another model does not put right.</summary>
    internal bool IsNeeded(in Prediction answer) => _steps.Length > 0 && answer.Status
        is PredictionStatus.Failed or PredictionStatus.CircuitOpen or PredictionStatus.Overloaded or PredictionStatus.NotReady
            or PredictionStatus.DeadlineExceeded;

    internal Task<Prediction> FallBackAsync(
        PredictionError reason, PredictionInputs inputs, PredictionOptions? options, Deadline deadline,
        CancellationToken cancellationToken) =>
        FallBackAsync(0, reason, [], inputs, options, deadline, cancellationToken);

    private async Task<Prediction> FallBackAsync(
        int first, PredictionError reason, List<PredictionError> others, PredictionInputs inputs, PredictionOptions? options,
        Deadline deadline, CancellationToken cancellationToken)
    {
        var steps = _steps;
        for (var i = first; i < steps.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!steps[i].IsInstant && deadline.IsOver) continue;

            var asking = AskAsync(steps[i], inputs, options, deadline, cancellationToken);
            await UrgentEnd.Of(asking);
            var answer = await asking.ConfigureAwait(false);
            if (answer.IsOk) return Answered(steps[i], reason, in answer);
            others.Add(answer.Error);
        }

        Counts.Ended();
        Counts.Failed();
        _metrics.Failed(reason);
        return Prediction.FromError(others.Count == 0 ? reason : reason.WithFallbacks(others));
    }

    /// <summary>Asks one that stands in. Whatever it throws, and one that has been closed does, the next is asked.</summary>
    internal async Task<Prediction> AskAsync(
        FallbackStep step, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        try
        {
            var pending = step.MayOverrun
                ? deadline.Ask(_limited.GetValue(step, _limit), inputs, options, cancellationToken)
                : step.AnswerAsync(this, inputs, options, deadline, cancellationToken);
            return await pending.ConfigureAwait(false);
        }
        catch (ObjectDisposedException exception) when (step is ModelStep)
        {
            return Prediction.FromError(new(
                PredictionStatus.NotReady, PredictionErrorCode.Draining, "'{0}', which stands in for model '{1}', has been closed.",
                step.Tag, Model)
            {
                Exception = exception,
            });
        }
#pragma warning disable CA1031
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return Prediction.FromError(new(
                PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "'{0}', which stands in for model '{1}', threw: {2}",
                step.Tag, Model, GuestReports.MessageOf(exception))
            { Exception = exception });
        }
    }

    /// <summary>
    /// Puts a limit of time around a step that is the application's: the caller's. By the step, so that none is asked without one while
    /// others take their places.
    /// </summary>
    private LimitedPredictor Limit(FallbackStep step) =>
        new(new StepPredictor(this, step), new(Timeout.InfiniteTimeSpan), _time, _metrics.Overruns);

    private Prediction Answered(FallbackStep step, PredictionError reason, in Prediction answer)
    {
        var origin = answer.Origin;
        answer.SetOrigin(origin with
        {
            // An old answer of the model itself says so, with its age.
            Source = step is StaleAnswerStep ? origin.Source : PredictionSource.Fallback,
            FallbackReason = reason,
        });
        Counts.Ended();
        Counts.Answered();
        _metrics.Answered(step, reason);
        return answer;
    }

    /// <summary>Asks the model and, if it is late, another one, and those that follow if neither answers.</summary>
    internal async Task<Prediction> HedgedAsync(
        ModelStep other, PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken)
    {
        var delay = other.After!.Value;
        using var hedge = new Hedge(this, Inner, other, _time, inputs, options, deadline, cancellationToken);
        var running = hedge.RunAsync(delay);
        await UrgentEnd.Of(running);
        var (answer, isOther, otherError) = await running.ConfigureAwait(false);
        if (isOther) return Answered(other, hedge.Reason(delay), in answer);
        if (answer.IsOk || !IsNeeded(in answer))
        {
            Counts.Ended();
            return answer;
        }

        // The other was asked already, or it is its turn now.
        var others = otherError is null
            ? FallBackAsync(0, answer.Error, [], inputs, options, deadline, cancellationToken)
            : FallBackAsync(1, answer.Error, [otherError], inputs, options, deadline, cancellationToken);
        await UrgentEnd.Of(others);
        return await others.ConfigureAwait(false);
    }
}
