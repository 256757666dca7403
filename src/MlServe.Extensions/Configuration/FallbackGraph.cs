using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>
/// Who stands in for whom, over all models of a host: a name that nobody has, and a way that leads back to where it began, are errors.
/// </summary>
internal static class FallbackGraph
{
    /// <param name="models">The names of all models.</param>
    /// <param name="stepsOf">Their chains.</param>
    /// <param name="keyOf">How messages name a model's configuration.</param>
    public static IEnumerable<string> ProblemsOf(
        IReadOnlyCollection<string> models, IReadOnlyDictionary<string, IReadOnlyList<FallbackStep>> stepsOf, Func<string, string> keyOf)
    {
        foreach (var (model, steps) in stepsOf)
        {
            foreach (var problem in UnknownOf(model, steps, models, keyOf))
                yield return problem;
        }

        var done = new HashSet<string>(ModelName.Comparer);
        foreach (var model in stepsOf.Keys)
        {
            if (FindCycle(model, [], stepsOf, done) is { } cycle) yield return LeadsBack(cycle, keyOf);
        }
    }

    /// <summary>What is wrong with one model's chain, where the others' are told of by themselves.</summary>
    /// <param name="model">The model.</param>
    /// <param name="steps">Its chain.</param>
    /// <param name="models">The names of all models.</param>
    /// <param name="stepsOf">The chains of others.</param>
    /// <param name="keyOf">How messages name a model's configuration.</param>
    public static IEnumerable<string> ProblemsOf(
        string model, IReadOnlyList<FallbackStep> steps, IReadOnlyCollection<string> models,
        Func<string, IReadOnlyList<FallbackStep>> stepsOf, Func<string, string> keyOf)
    {
        foreach (var problem in UnknownOf(model, steps, models, keyOf))
            yield return problem;
        if (FindWayBack(model, steps, [model], stepsOf, new(ModelName.Comparer)) is { } way) yield return LeadsBack(way, keyOf);
    }

    private static IEnumerable<string> UnknownOf(
        string model, IReadOnlyList<FallbackStep> steps, IReadOnlyCollection<string> models, Func<string, string> keyOf)
    {
        foreach (var step in steps.OfType<ModelStep>().Where(step => !step.IsGiven && !models.Contains(step.Name, ModelName.Comparer)))
        {
            var suggestion = Suggestion.For(step.Name, models) is { } name
                ? $" Did you mean '{name}'?"
                : $" There are: {string.Join(", ", models.Select(static name => $"'{name}'"))}.";
            yield return $"{keyOf(model)}:{nameof(ModelOptions.Fallback)} names model '{step.Name}', and there is none.{suggestion}";
        }
    }

    private static string LeadsBack(List<string> cycle, Func<string, string> keyOf) =>
        $"{keyOf(cycle[0])}:{nameof(ModelOptions.Fallback)} leads back to where it began: {string.Join(" -> ", cycle)}. Take one of them "
        + "out of a chain.";

    private static List<string>? FindWayBack(
        string start, IReadOnlyList<FallbackStep> steps, List<string> way, Func<string, IReadOnlyList<FallbackStep>> stepsOf,
        HashSet<string> seen)
    {
        foreach (var step in steps.OfType<ModelStep>().Where(static step => !step.IsGiven))
        {
            List<string> next = [.. way, step.Name];
            if (ModelName.Comparer.Equals(step.Name, start)) return next;
            if (seen.Add(step.Name) && FindWayBack(start, stepsOf(step.Name), next, stepsOf, seen) is { } found) return found;
        }

        return null;
    }

    private static List<string>? FindCycle(
        string model, List<string> way, IReadOnlyDictionary<string, IReadOnlyList<FallbackStep>> stepsOf, HashSet<string> done)
    {
        var start = way.FindIndex(passed => ModelName.Comparer.Equals(passed, model));
        if (start >= 0) return [.. way[start..], model];
        if (done.Contains(model) || !stepsOf.TryGetValue(model, out var steps)) return null;

        way.Add(model);
        foreach (var step in steps.OfType<ModelStep>().Where(static step => !step.IsGiven))
        {
            if (FindCycle(step.Name, way, stepsOf, done) is { } cycle)
            {
                done.UnionWith(way);
                return cycle;
            }
        }

        way.RemoveAt(way.Count - 1);
        done.Add(model);
        return null;
    }
}
