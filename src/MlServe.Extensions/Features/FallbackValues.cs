using MlServe.Configuration;
using MlServe.Resilience;

namespace MlServe.Features;

/// <summary>Holds a value that stands in for a model's answers against the model's outputs.</summary>
internal static class FallbackValues
{
    /// <param name="model">The name of the model.</param>
    /// <param name="key">The key of the step in configuration; null: code says it.</param>
    /// <param name="outputs">The model's outputs.</param>
    /// <param name="value">The value.</param>
    public static IEnumerable<string> ProblemsOf(string model, string? key, IReadOnlyList<ValueSignature> outputs, ValueStep value)
    {
        var chain = $"The fallback chain of model '{model}'{(key is null ? "" : $" ({key})")}";
        List<string> given = [.. value.Outputs];
        List<string> names = [.. outputs.Select(static output => output.Name)];
        var all = DeclaredNames.Listed(names);
        foreach (var output in given.Where(output => !names.Contains(output, StringComparer.Ordinal)))
        {
            yield return $"{chain} gives a value to '{output}', which the model does not have.{Suggestion.Of(output, names)} "
                + $"It has: {all}.";
        }

        List<string> missing = [.. names.Where(output => !given.Contains(output, StringComparer.Ordinal))];
        if (missing.Count > 0 && given.Exists(output => names.Contains(output, StringComparer.Ordinal)))
        {
            yield return $"{chain} gives no value to {DeclaredNames.Listed(missing)}: what stands in for an answer must have every output. "
                + $"The model has: {all}. Give each a value, or take the value out of the chain.";
        }

        foreach (var output in outputs.Where(output => given.Contains(output.Name, StringComparer.Ordinal)))
        {
            if (value.MisfitOf(output) is { } misfit) yield return $"{chain} {misfit}";
        }
    }
}
