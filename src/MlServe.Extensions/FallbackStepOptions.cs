using MlServe.Resilience;

namespace MlServe;

/// <summary>
/// One that answers in a model's place, as configuration gives it: a model, an earlier answer, or a value; exactly one of the three.
/// </summary>
public sealed class FallbackStepOptions
{
    /// <summary>The name of another model of the host, which takes the same inputs and gives the same outputs. Default: null.</summary>
    public string? Model { get; set; }

    /// <summary>
    /// How long to wait for the model before this one is asked as well (hedging), greater than 00:00:00, up to 1.00:00:00. Only for a
    /// <see cref="Model"/>, and only for the first of the chain. Default: null, until the model has failed.
    /// </summary>
    public TimeSpan? After { get; set; }

    /// <summary>
    /// Whether this is an earlier answer to an equal request, however old; needs <see cref="ModelOptions.UseCache"/>. Default: false.
    /// </summary>
    public bool StaleAnswer { get; set; }

    /// <summary>The same row for every request: the numbers of each output, by its name. Default: none.</summary>
    public IDictionary<string, IList<double>> Value { get; set; } = new Dictionary<string, IList<double>>(StringComparer.Ordinal);

    /// <summary>The maps that stand for outputs which are maps, beside <see cref="Value"/>. Default: none.</summary>
    public IList<FallbackMapOptions> Maps { get; set; } = [];

    internal IEnumerable<string> Validate(bool isFirst)
    {
        var kinds = (string.IsNullOrWhiteSpace(Model) ? 0 : 1) + (StaleAnswer ? 1 : 0) + (Value.Count + Maps.Count > 0 ? 1 : 0);
        if (kinds != 1)
            yield return $" says {(kinds == 0 ? "nothing" : "several things")}; it must have exactly one of {nameof(Model)}, "
                + $"{nameof(StaleAnswer)} (true) and {nameof(Value)} (with {nameof(Maps)} or without).";
        for (var i = 0; i < Maps.Count; i++)
        {
            var (map, key) = (Maps[i], $":{nameof(Maps)}:{i}");
            if (string.IsNullOrWhiteSpace(map.Output)) yield return $"{key}:{nameof(map.Output)} is missing. Name an output of the model.";
            else if (Value.ContainsKey(map.Output) || Maps.Take(i).Any(other => other.Output == map.Output))
                yield return $"{key}:{nameof(map.Output)} is '{map.Output}', which is given a value twice. Leave one out.";
            if (map.Entries.Count == 0) yield return $"{key}:{nameof(map.Entries)} is empty. Give the values by their keys.";
        }

        if (After is null) yield break;
        if (After <= TimeSpan.Zero || After > FallbackBuilder.LongestDelay)
            yield return $":{nameof(After)} is {After}; it must be greater than 00:00:00, up to {FallbackBuilder.LongestDelay}.";
        if (!isFirst || string.IsNullOrWhiteSpace(Model))
            yield return $":{nameof(After)} is for a {nameof(Model)} that is the first of the chain: only that is asked beside the model.";
    }
}
