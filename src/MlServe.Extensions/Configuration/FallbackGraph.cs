using MlServe.Resilience;

namespace MlServe.Configuration;

/// <summary>Who stands in for whom, over all models of a host: a name that nobody has, and a way that leads back to where it began, are errors.</summary>
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
            foreach (var step in steps.OfType<ModelStep>().Where(step => !step.IsGiven && !models.Contains(step.Name, ModelName.Comparer)))
            {
                var suggestion = Suggestion.For(step.Name, models) is { } name ? $" Did you mean '{name}'?" : $" There are: {string.Join(", ", models.Select(static name => $"'{name}'"))}.";
                yield return $"{keyOf(model)}:{nameof(ModelOptions.Fallback)} names model '{step.Name}', and there is none.{suggestion}";
            }
        }

        var done = new HashSet<string>(ModelName.Comparer);
        foreach (var model in stepsOf.Keys)
        {
            if (FindCycle(model, [], stepsOf, done) is { } cycle)
            {
                yield return $"{keyOf(cycle[0])}:{nameof(ModelOptions.Fallback)} leads back to where it began: {string.Join(" -> ", cycle)}. Take one of them out of a chain.";
            }
        }
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
