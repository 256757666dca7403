using System.Diagnostics;
using MlServe.Quantization.Calibration;
using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing;
using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>One call from a source to a file's content: prepare, calibrate, rewrite, measure, judge, fall back.</summary>
internal sealed class QuantizationRun(IModelSource source, string destination, QuantizationOptions options, CancellationToken cancellationToken)
{
    private readonly ProgressReporter _progress = new(options.Progress, cancellationToken);
    private readonly List<SearchStep> _steps = [];
    private long _searchStarted;
    private SensitivityReport? _sensitivity;
    private SpeedEstimate? _rewritten;
    private bool _isCloseCall;

    public async Task<(QuantizationReport Report, byte[] Model)> RunAsync()
    {
        RequireValid(options);
        var prepared = await PreparedModel.CreateAsync(source, options, _progress, cancellationToken).ConfigureAwait(false);
        await using (prepared.ConfigureAwait(false))
        {
            var (candidate, fallbackReason) = await FindAsync(prepared).ConfigureAwait(false);
            return Finish(prepared, candidate, fallbackReason);
        }
    }

    public static void RequireValid(QuantizationOptions options)
    {
        var faults = options.Validate().ToList();
        if (faults.Count > 0) throw new QuantizationException(QuantizationFailure.InvalidOptions, $"The options are not valid: {string.Join(" ", faults)}");
    }

    private async Task<(Candidate Candidate, string? FallbackReason)> FindAsync(PreparedModel prepared)
    {
        var evaluator = prepared.Evaluator(options);
        var fp32 = await TryRewritesAsync(prepared, evaluator).ConfigureAwait(false);
        Candidate first;
        QuantizationPlan plan;
        try
        {
            plan = await prepared.PlanAsync(options, _progress, cancellationToken).ConfigureAwait(false);
            _progress.Report(QuantizationStage.Quantizing, 0, $"writing {plan.Method}");
            _progress.Report(QuantizationStage.Measuring, 0, "comparing answers and speed");
            first = await TryAsync(evaluator, plan, plan.Method == QuantizationMethod.None ? "FP32 with exact rewrites" : "all nodes", []).ConfigureAwait(false);
        }
        catch (QuantizationException exception) when (exception.Failure == QuantizationFailure.NothingToQuantize && options.OnGateFailure != GateFailureAction.Throw)
        {
            // It has weights, and each has a reason to be left alone.
            plan = Plans.Of(options, prepared.Method, prepared.Source.Document, prepared.Model);
            first = CandidateEvaluator.Refused(plan, "all nodes", exception);
        }

        if (first.Passed) return (first, null);
        if (options.OnGateFailure == GateFailureAction.Throw) throw Failed(first);
        if (options.OnGateFailure == GateFailureAction.ExcludeNodes && first.Measurement is not null && first.Plan.Method != QuantizationMethod.None)
        {
            if (await SearchAsync(prepared, evaluator, first, plan).ConfigureAwait(false) is { } found) return (found, null);
        }

        return (await FallBackAsync(prepared, evaluator, first, fp32).ConfigureAwait(false), first.Reason);
    }

    /// <summary>FP32 with what preprocessing did to it: the bar for integers, and where they fail the answer.</summary>
    private async Task<Candidate?> TryRewritesAsync(PreparedModel prepared, CandidateEvaluator evaluator)
    {
        if (prepared.Steps.Count == 0) return null;
        _progress.Report(QuantizationStage.Preprocessing, 0.7, "measuring the exact rewrites");
        var plan = Plans.WithoutRanges(Plans.Of(options, QuantizationMethod.None, prepared.Source.Document, prepared.Model), QuantizationMethod.None);
        var fp32 = await TryAsync(evaluator, plan, "FP32 with exact rewrites", []).ConfigureAwait(false);
        if (fp32.IsAccurate) evaluator.Rewritten = _rewritten = fp32.Measurement!.Speed;
        return fp32;
    }

    private async Task<Candidate> TryAsync(CandidateEvaluator evaluator, QuantizationPlan plan, string description, IReadOnlyList<string> leftOut)
    {
        var candidate = await evaluator.EvaluateAsync(plan, description, cancellationToken).ConfigureAwait(false);
        Count(candidate, leftOut);
        return candidate;
    }

    private void Count(Candidate candidate, IReadOnlyList<string> leftOut)
    {
        _steps.Add(candidate.ToStep(options.Gate, leftOut));
        _isCloseCall |= candidate.IsCloseCall(options.Gate);
    }

    private bool HasTime() => Stopwatch.GetElapsedTime(_searchStarted) < options.SearchBudget;

    /// <summary>Looking at nodes one by one leaves half of the time to what is made of it.</summary>
    private bool HasTimeToLook() => Stopwatch.GetElapsedTime(_searchStarted) < options.SearchBudget / 2;

    private async Task<Candidate?> SearchAsync(PreparedModel prepared, CandidateEvaluator evaluator, Candidate first, QuantizationPlan plan)
    {
        _searchStarted = Stopwatch.GetTimestamp();
        return first.IsAccurate
            ? await LeaveOutSmallAsync(evaluator, first, plan).ConfigureAwait(false) ?? await LeaveOutSlowAsync(prepared, evaluator, first, plan).ConfigureAwait(false)
            : await LeaveOutHarmfulAsync(prepared, evaluator, first, plan).ConfigureAwait(false);
    }

    /// <summary>Answers as it should and is too slow: small nodes cost more than they save.</summary>
    private async Task<Candidate?> LeaveOutSmallAsync(CandidateEvaluator evaluator, Candidate first, QuantizationPlan allNodes)
    {
        if (!GateJudge.IsForSpeed(first.Plan.Method)) return null;
        var quantized = first.Decisions.Count(static decision => decision.IsQuantized);
        foreach (var size in Plans.SizesToLeaveOut.Where(size => size > first.Plan.MinMultiplications))
        {
            if (!HasTime()) return null;
            _progress.Report(QuantizationStage.Searching, 0.5, $"leaving out nodes below {size} multiplications");
            var candidate = await evaluator.EvaluateAsync(allNodes with { MinMultiplications = size }, $"without nodes below {size} multiplications", cancellationToken).ConfigureAwait(false);
            if (candidate.Measurement is null) return null;
            var left = candidate.Decisions.Count(static decision => decision.IsQuantized);
            if (left == quantized) continue;
            quantized = left;
            Count(candidate, []);
            if (candidate.Passed) return candidate;
        }

        return null;
    }

    /// <summary>Leaves out ever more of the nodes that are slower on integers; the fastest that passes.</summary>
    private async Task<Candidate?> LeaveOutSlowAsync(
        PreparedModel prepared, CandidateEvaluator evaluator, Candidate first, QuantizationPlan allNodes)
    {
        if (first.Plan.Method != QuantizationMethod.Static) return null;
        var order = prepared.SlowNodes(options).Find(allNodes, first.Decisions, first.Measurement!.Speed.Ratio, HasTimeToLook,
            (share, message) => _progress.Report(QuantizationStage.Searching, 0.5 + (share * 0.3), message), cancellationToken);
        var passing = new Dictionary<int, Candidate>();
        var count = await ExclusionSearch.FindFastestAsync(order.Count, async leaveOut =>
        {
            _progress.Report(QuantizationStage.Searching, 0.85, $"without the {leaveOut} slowest nodes");
            string[] leftOut = [.. order.Take(leaveOut)];
            var plan = await prepared.CorrectAsync(allNodes with { ExcludedNodes = Plans.Excluded(allNodes, leftOut) }, options, cancellationToken).ConfigureAwait(false);
            var candidate = await TryAsync(evaluator, plan, $"without the {leaveOut} slowest nodes", leftOut).ConfigureAwait(false);
            if (!candidate.Passed) return null;
            passing[leaveOut] = candidate;
            return candidate.Measurement!.Speed.Ratio;
        }, HasTime).ConfigureAwait(false);
        return count is { } found ? passing[found] : null;
    }

    private async Task<Candidate?> LeaveOutHarmfulAsync(
        PreparedModel prepared, CandidateEvaluator evaluator, Candidate first, QuantizationPlan allNodes)
    {
        _sensitivity = await prepared.Sensitivity(options)
            .RunAsync(allNodes, first.Decisions, HasTimeToLook, (share, message) => _progress.Report(QuantizationStage.Searching, share * 0.5, message), cancellationToken).ConfigureAwait(false);
        string[] harmful = [.. _sensitivity.Nodes.Select(static node => node.Node), .. _sensitivity.NotTried];
        if (_sensitivity.NotTried.Count == 0 && _sensitivity.Nodes.Any(static node => node.Speed is not null))
        {
            string[] cheap = [.. ExclusionOrder.Of(_sensitivity.Nodes, _rewritten?.Ratio ?? 1)];
            if (await LeaveOutInOrderAsync(prepared, evaluator, allNodes, cheap, "nodes that harm most for the time they save").ConfigureAwait(false) is { } candidate) return candidate;
        }

        return await LeaveOutInOrderAsync(prepared, evaluator, allNodes, harmful, "most harmful").ConfigureAwait(false);
    }

    private async Task<Candidate?> LeaveOutInOrderAsync(
        PreparedModel prepared, CandidateEvaluator evaluator, QuantizationPlan allNodes, string[] order, string what)
    {
        var passing = new Dictionary<int, Candidate>();
        var tried = 0;
        var count = await ExclusionSearch.FindAsync(order.Length, async leaveOut =>
        {
            _progress.Report(QuantizationStage.Searching, Math.Min(0.9, 0.5 + (0.05 * tried++)), $"without the {leaveOut} {what}");
            string[] leftOut = [.. order.Take(leaveOut)];
            var plan = await prepared.CorrectAsync(allNodes with { ExcludedNodes = Plans.Excluded(allNodes, leftOut) }, options, cancellationToken).ConfigureAwait(false);
            var candidate = await TryAsync(evaluator, plan, $"without the {leaveOut} {what}", leftOut).ConfigureAwait(false);
            if (candidate.Passed) passing[leaveOut] = candidate;
            return candidate.Passed ? true : candidate.IsAccurate && GateJudge.IsForSpeed(plan.Method) ? null : false;
        }, HasTime).ConfigureAwait(false);
        return count is { } found ? passing[found] : null;
    }

    private async Task<Candidate> FallBackAsync(PreparedModel prepared, CandidateEvaluator evaluator, Candidate first, Candidate? fp32)
    {
        if (first.Plan.Method != QuantizationMethod.Int8Storage && first.Plan.Method != QuantizationMethod.None)
        {
            _progress.Report(QuantizationStage.Searching, 0.95, "storing weights smaller");
            var isCloseCall = _isCloseCall;
            var storage = await TryAsync(evaluator, Plans.WithoutRanges(first.Plan, QuantizationMethod.Int8Storage), "8-bit weights in the file, FP32 at run time", []).ConfigureAwait(false);

            // It is not what was asked for, and being faster is not its purpose.
            _isCloseCall = isCloseCall;
            if (storage.Passed) return storage;
        }

        return fp32 is { Passed: true } && first.Plan.Method != QuantizationMethod.None ? fp32 : prepared.Original();
    }

    private (QuantizationReport Report, byte[] Model) Finish(PreparedModel prepared, Candidate candidate, string? fallbackReason)
    {
        var bytes = candidate.Bytes!;
        _progress.Report(QuantizationStage.Writing, 0, $"writing {destination}");
        var report = prepared.Report(destination, candidate, fallbackReason, options) with
        {
            SearchSteps = _steps,
            Sensitivity = _sensitivity,
            RewrittenSpeed = _rewritten,
            IsCloseCall = _isCloseCall && fallbackReason is not null,
        };
        _progress.Report(QuantizationStage.Writing, 0.5, $"writing {bytes.Length} bytes");
        return (report, bytes);
    }

    private QuantizationException Failed(Candidate candidate) => new(QuantizationFailure.GateFailed,
        $"The model quantized by {candidate.Plan.Method} does not pass the gate: {candidate.Reason}. Loosen the gate (QuantizationOptions.Gate), give more typical samples, or let it fall back (OnGateFailure).")
    {
        IsCloseCall = _isCloseCall,
    };
}
