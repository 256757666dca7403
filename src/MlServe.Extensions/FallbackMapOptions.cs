namespace MlServe;

/// <summary>A map that stands for an output of a model, as configuration gives it.</summary>
public sealed class FallbackMapOptions
{
    /// <summary>The name of the output: a map, or a sequence that has a map for each row. Default: null, which is an error.</summary>
    public string? Output { get; set; }

    /// <summary>The values by their keys; keys are whole numbers if the model's are. Default: none, which is an error.</summary>
    public IDictionary<string, double> Entries { get; set; } = new Dictionary<string, double>(StringComparer.Ordinal);
}
