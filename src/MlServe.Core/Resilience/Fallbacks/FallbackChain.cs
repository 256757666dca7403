using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Resilience;

/// <summary>
/// Those that answer if a model does not: asked in order, each with the rest of the caller's time. For hosts, which serve a model before it
/// is loaded and change its chain afterwards; else <c>UseFallback</c> makes one by itself. Safe for concurrent use.
/// </summary>
[Experimental("MLSERVE001")]
public sealed class FallbackChain
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
    /// <param name="metrics">The destination of reports.</param>
    /// <param name="time">The clock.</param>
    internal FallbackChain(
        IPredictor inner, string model, IEnumerable<FallbackStep> steps, IPredictorDirectory? targets, FallbackMetrics metrics,
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

    /// <summary>The chain of a model that need not be loaded yet, with any steps, or none until <see cref="SetSteps"/>.</summary>
    /// <param name="model">The model; asked for its stale answers and its circuit breaker, and beside a hedge. Not disposed.</param>
    /// <param name="steps">Those that stand in for it, in order.</param>
    /// <param name="context">
    /// Whose model it is, and what finds others by their names. In a warm-up nobody stands in: a failure there is not answered by others.
    /// </param>
    public static FallbackChain Create(IPredictor model, IEnumerable<FallbackStep> steps, PipelineContext context)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(steps);
        ArgumentNullException.ThrowIfNull(context);
        return Create(model, context.Identity.Name, steps, context);
    }

    internal static FallbackChain Create(IPredictor inner, string model, IEnumerable<FallbackStep> steps, PipelineContext context)
    {
        // A hedge is a way of its own through the chain, and is warmed up with a model that nobody finds.
        if (context.IsWarmUp) steps = steps.Take(1).OfType<ModelStep>().Where(static step => step.After is not null)
            .Select(static step => new ModelStep(step.Name, after: step.After));
        return new(inner, model, steps, context.Models, new(model, context.Meter), context.Time);
    }

    /// <summary>Those that stand in for the model, in order.</summary>
    public IReadOnlyList<FallbackStep> Steps => _steps;

    internal string Model { get; }

    internal IPredictorDirectory? Targets { get; }

    /// <summary>The model's earlier answers; looked for each time, since the model may be loaded later, and anew.</summary>
    internal IStaleAnswers? StaleAnswers => Inner.GetService<IStaleAnswers>();

    /// <summary>The model.</summary>
    internal IPredictor Inner { get; }

    internal FallbackStatistics Counts { get; } = new();

    /// <summary>The model that is asked as well if the first is late, and how late; null: none is.</summary>
    internal ModelStep? Hedging => _steps is [ModelStep { After: not null } other, ..] ? other : null;

    /// <summary>Says who stands in from now on. Requests under way go on with those that they have begun with.</summary>
    /// <param name="steps">Those that stand in for the model, in order; none: nobody does.</param>
    /// <param name="signature">
    /// The model's, to give the values that stand in for it its types: of numbers of configuration nobody knows them before. Null: they
    /// stay as they are.
    /// </param>
    public void SetSteps(IEnumerable<FallbackStep> steps, ModelSignature? signature = null)
    {
        ArgumentNullException.ThrowIfNull(steps);
        FallbackStep[] taken = [.. steps];
        if (signature is not null)
        {
            foreach (var value in taken.OfType<ValueStep>())
                value.TakeTypesOf(signature);
        }

        _steps = taken;
        TellBreaker();
    }

    /// <summary>
    /// Lets the model's circuit breaker, if there is one by now, know whether others answer. For a host that has put another version in the
    /// model's place. An earlier answer is there for few requests, and does not count.
    /// </summary>
    public void TellBreaker()
    {
        if (Inner.GetService<ICircuitBreaker>() is CircuitBreaker breaker)
            breaker.HasFallback = Array.Exists(_steps, static step => step is not StaleAnswerStep);
    }

    /// <summary>Another model does not put the caller's mistake right.</summary>
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

    /// <summary>Asks one that stands in. If it throws, and one that has been closed does, the next is asked.</summary>
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
