using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>
/// The chains of all models of a host. A name that nobody has is an error, and so is a way that leads back to its beginning.
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

    /// <summary>The faults of one model's chain; those of other chains are told by themselves.</summary>
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
        foreach (var other in ModelsOf(steps).Where(other => !models.Contains(other, ModelName.Comparer)))
        {
            var suggestion = Suggestion.For(other, models) is { } name
                ? $" Did you mean '{name}'?"
                : $" There are: {string.Join(", ", models.Select(static name => $"'{name}'"))}.";
            yield return $"{keyOf(model)}:{nameof(ModelOptions.Fallback)} names model '{other}', and there is none.{suggestion}";
        }
    }

    private static IEnumerable<string> ModelsOf(IReadOnlyList<FallbackStep> steps) =>
        steps.Select(static step => step.Model).OfType<string>();

    private static string LeadsBack(List<string> cycle, Func<string, string> keyOf) =>
        $"{keyOf(cycle[0])}:{nameof(ModelOptions.Fallback)} leads back to where it began: {string.Join(" -> ", cycle)}. Take one of them "
        + "out of a chain.";

    private static List<string>? FindWayBack(
        string start, IReadOnlyList<FallbackStep> steps, List<string> way, Func<string, IReadOnlyList<FallbackStep>> stepsOf,
        HashSet<string> seen)
    {
        foreach (var other in ModelsOf(steps))
        {
            List<string> next = [.. way, other];
            if (ModelName.Comparer.Equals(other, start)) return next;
            if (seen.Add(other) && FindWayBack(start, stepsOf(other), next, stepsOf, seen) is { } found) return found;
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
        foreach (var other in ModelsOf(steps))
        {
            if (FindCycle(other, way, stepsOf, done) is { } cycle)
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
