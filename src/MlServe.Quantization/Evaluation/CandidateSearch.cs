using MlServe.Quantization.Rewriting;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Looks for the fastest model that answers as it should: first by how values are rounded, then by which nodes stay FP32.
/// </summary>
internal sealed class CandidateSearch(
    PreparedModel prepared, QuantizationOptions options, SearchLog log, SearchClock clock, ProgressReporter progress)
{
    /// <summary>The first candidate, for why it did not do; null: none was made and measured in time. The best is in the log.</summary>
    public Candidate? First { get; private set; }

    private CancellationToken Token => clock.Token;

    /// <exception cref="OperationCanceledException">The caller gave up, or time was over: the candidate that was begun counts as not
    /// tried.</exception>
    public async Task RunAsync()
    {
        var calibrated = await prepared.PlanAsync(options, progress, Token).ConfigureAwait(false);
        progress.Report(QuantizationStage.Quantizing, 0, $"writing {calibrated.Method}");
        progress.Report(QuantizationStage.Measuring, 0, "comparing answers and speed");
        var variants = new PlanVariants(prepared, options, calibrated);
        Candidate? nearest = null;
        foreach (var variant in variants.All())
        {
            if (First is not null && (!clock.HasTime() || log.IsHopeless)) break;

            // What answers as it should is not mended by other rounding, unless that may be faster. What fails on the rows for the last
            // word may be.
            if (!variant.MayBeFaster && (log.Best is not null || nearest is { IsAccurate: true, Passed: false })) continue;
            if (First is not null) progress.Report(QuantizationStage.Measuring, 0.5, variant.Description);
            var plan = await variant.MakeAsync(Token).ConfigureAwait(false);
            var candidate = await log.TryAsync(plan, variant.Description, []).ConfigureAwait(false);
            First ??= candidate;
            await log.AcceptAsync(candidate).ConfigureAwait(false);
            var verdict = candidate.Passed && log.Refused is { } refused && refused.Description == candidate.Description
                ? refused
                : candidate;
            if (nearest is null || verdict.IsBetterStartThan(nearest)) nearest = verdict;
            if (candidate.Measurement is null && ReferenceEquals(candidate, First)) return;
        }

        if (options.MayLeaveOutNodes && log.Best is null && nearest?.Measurement is not null && !log.IsHopeless)
            await LeaveOutAsync(variants, nearest).ConfigureAwait(false);
    }

    private async Task LeaveOutAsync(PlanVariants variants, Candidate nearest)
    {
        var plan = variants.PlanOf(nearest.Description);
        if (!nearest.IsAccurate)
        {
            await LeaveOutHarmfulAsync(variants, plan, nearest).ConfigureAwait(false);
            return;
        }

        if (!await LeaveOutSmallAsync(plan, nearest).ConfigureAwait(false))
            await LeaveOutSlowAsync(variants, plan, nearest).ConfigureAwait(false);
    }

    /// <summary>Answers as it should and is too slow: small nodes cost more than they save.</summary>
    private async Task<bool> LeaveOutSmallAsync(QuantizationPlan allNodes, Candidate first)
    {
        if (!GateJudge.IsForSpeed(first.Plan.Method)) return false;
        var quantized = first.Decisions.Count(static decision => decision.IsQuantized);
        foreach (var size in Plans.SizesToLeaveOut.Where(size => size > first.Plan.MinMultiplications))
        {
            if (!clock.HasTime()) return false;
            progress.Report(QuantizationStage.Searching, 0.5, $"leaving out nodes below {size} multiplications");
            var candidate = await log.Evaluator!.EvaluateAsync(
                allNodes with { MinMultiplications = size }, $"without nodes below {size} multiplications", Token).ConfigureAwait(false);
            if (candidate.Measurement is null) return false;
            var left = candidate.Decisions.Count(static decision => decision.IsQuantized);
            if (left == quantized) continue;
            quantized = left;
            log.Add(candidate, []);
            if (await log.AcceptAsync(candidate).ConfigureAwait(false)) return true;
        }

        return false;
    }

    /// <summary>Leaves out ever more of the nodes that are slower on integers; the fastest that passes.</summary>
    private async Task LeaveOutSlowAsync(PlanVariants variants, QuantizationPlan allNodes, Candidate first)
    {
        if (first.Plan.Method != QuantizationMethod.Static) return;
        var order = prepared.SlowNodes(options).Find(allNodes, first.Decisions, first.Ratio, clock.HasTimeToLook,
            (share, message) => progress.Report(QuantizationStage.Searching, 0.5 + (share * 0.3), message), Token);
        await ExclusionSearch.FindFastestAsync(order.Count, async leaveOut =>
        {
            progress.Report(QuantizationStage.Searching, 0.85, $"without the {leaveOut} slowest nodes");
            var candidate = await TryWithoutAsync(
                variants, allNodes, [.. order.Take(leaveOut)], $"without the {leaveOut} slowest nodes").ConfigureAwait(false);
            if (!candidate.Passed) return null;
            await log.AcceptAsync(candidate).ConfigureAwait(false);
            return candidate.Ratio;
        }, () => clock.HasTime() && !log.IsHopeless).ConfigureAwait(false);
    }

    private async Task LeaveOutHarmfulAsync(PlanVariants variants, QuantizationPlan allNodes, Candidate first)
    {
        log.Sensitivity = await prepared.Sensitivity(options)
            .RunAsync(
                allNodes, first.Decisions, clock.HasTimeToLook,
                (share, message) => progress.Report(QuantizationStage.Searching, share * 0.5, message), Token).ConfigureAwait(false);
        string[] harmful = [.. log.Sensitivity.Nodes.Select(static node => node.Node), .. log.Sensitivity.NotTried];
        if (log.Sensitivity.NotTried.Count == 0 && log.Sensitivity.Nodes.Any(static node => node.Speed is not null))
        {
            string[] cheap = [.. ExclusionOrder.Of(log.Sensitivity.Nodes, log.Evaluator!.Rewritten?.Ratio ?? 1)];
            if (await LeaveOutInOrderAsync(variants, allNodes, cheap, "nodes that harm most for the time they save").ConfigureAwait(false))
                return;
        }

        await LeaveOutInOrderAsync(variants, allNodes, harmful, "most harmful").ConfigureAwait(false);
    }

    private async Task<bool> LeaveOutInOrderAsync(PlanVariants variants, QuantizationPlan allNodes, string[] order, string what)
    {
        var tried = 0;
        var count = await ExclusionSearch.FindAsync(order.Length, async leaveOut =>
        {
            progress.Report(QuantizationStage.Searching, Math.Min(0.9, 0.5 + (0.05 * tried++)), $"without the {leaveOut} {what}");
            var candidate = await TryWithoutAsync(
                variants, allNodes, [.. order.Take(leaveOut)], $"without the {leaveOut} {what}").ConfigureAwait(false);
            if (candidate.Passed && (await log.AcceptAsync(candidate).ConfigureAwait(false) || log.Best is not null)) return true;
            return candidate.IsAccurate && !candidate.Passed && GateJudge.IsForSpeed(candidate.Plan.Method) ? null : false;
        }, () => clock.HasTime() && !log.IsHopeless).ConfigureAwait(false);
        return count is not null;
    }

    private async Task<Candidate> TryWithoutAsync(PlanVariants variants, QuantizationPlan allNodes, string[] leftOut, string description)
    {
        var plan = await variants.CorrectAsync(
            allNodes with { ExcludedNodes = Plans.Excluded(allNodes, leftOut) }, Token).ConfigureAwait(false);
        return await log.TryAsync(plan, description, leftOut).ConfigureAwait(false);
    }
}
