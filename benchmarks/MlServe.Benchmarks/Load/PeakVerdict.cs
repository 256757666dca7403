using System.Globalization;

namespace MlServe.Benchmarks.Load;

/// <summary>Decides whether a model bears twice its peak.</summary>
internal static class PeakVerdict
{
    public const double MaxRecoverySeconds = 5;

    /// <summary>
    /// Passes only if at twice the peak 99 % of the requests keep the bound, and nothing failed, was lost or grew in any step, and the
    /// bound is kept again soon. A generator that was late makes latencies look worse and nothing else: so it voids a run that would pass,
    /// or fail by latencies alone that are good from the moment of sending.
    /// </summary>
    /// <param name="steps">All steps.</param>
    /// <param name="decisive">The one at twice the peak.</param>
    /// <param name="memory">Before the first step and after each.</param>
    /// <param name="recoverySeconds">Until the bound was kept again when the load fell; null: it was not.</param>
    /// <param name="twice">Answers beyond the first.</param>
    public static (LoadVerdict Verdict, IReadOnlyList<string> Reasons) Decide(
        IReadOnlyList<StepReport> steps, StepReport decisive, IReadOnlyList<MemorySample> memory, double? recoverySeconds, long twice)
    {
        var facts = new List<string>(Facts(steps, memory, twice));
        var isLateAnyway = decisive.UncorrectedMissed > decisive.AllowedMisses;
        if (!decisive.KeepsBound && isLateAnyway) facts.Add(Missed(decisive));
        var spoiled = steps.Where(step => step.IsSpoiled && (step == decisive || step == steps[^1])).ToList();
        if (spoiled.Count == 0)
        {
            if (!decisive.KeepsBound && !isLateAnyway) facts.Add(Missed(decisive));
            if (recoverySeconds is not <= MaxRecoverySeconds) facts.Add(Recovery(recoverySeconds));
        }

        if (facts.Count > 0) return (LoadVerdict.Fail, facts);
        if (steps.FirstOrDefault(static step => step.IsClockBroken) is { } broken)
            return (LoadVerdict.Void, [$"the clock is broken: the mean latency of {broken.Name} is less than a queue can show"]);
        return spoiled.Count > 0
            ? (LoadVerdict.Void, [.. spoiled.Select(Lag)])
            : (LoadVerdict.Pass,
                [$"at 2 x: {Percent(1 - ((double)decisive.Missed / decisive.Offered))} within the bound, none failed, none lost; memory "
                    + $"flat; recovered in {Number(recoverySeconds)} s"]);
    }

    /// <summary>What is wrong whatever the latencies are.</summary>
    public static IEnumerable<string> Facts(IReadOnlyList<StepReport> steps, IReadOnlyList<MemorySample> memory, long twice)
    {
        foreach (var step in steps)
        {
            if (step.Errors > 0) yield return $"{step.Name}: {step.Errors} requests failed, the first with \"{step.FirstError}\"";
            if (step.Lost > 0) yield return $"{step.Name}: {step.Lost} requests were lost: they never got an answer";
        }

        if (twice > 0) yield return $"{twice} requests were answered more than once";
        if (MemorySample.ProblemOf(memory) is { } problem) yield return $"memory is not flat: {problem}";
    }

    /// <summary>Says how late the generator was.</summary>
    public static string Lag(StepReport step) =>
        $"{step.Name}: the generator was {Number(step.LagP99Ms)} ms late at its 99th percentile, more than --max-lag allows";

    private static string Missed(StepReport step) => step.AllowedMisses < 0
        ? $"{step.Name}: {step.Offered} requests are too few to say anything"
        : $"{step.Name}: {step.Missed} of {step.Offered} requests did not get an answer within the bound ({step.Late} late, {step.Shed} "
            + $"refused, {step.Unsent} not sent); 99 % with confidence allows {step.AllowedMisses}";

    private static string Recovery(double? seconds) => seconds is { } known
        ? $"the bound was kept again {Number(known)} s after the load fell; {MaxRecoverySeconds} s are allowed"
        : $"the bound was not kept again within {MaxRecoverySeconds} s after the load fell";

    private static string Number(double? value) => value?.ToString("0.##", CultureInfo.InvariantCulture) ?? "?";

    private static string Percent(double value) => $"{(Math.Floor(value * 1e4) / 100).ToString("0.##", CultureInfo.InvariantCulture)} %";
}
