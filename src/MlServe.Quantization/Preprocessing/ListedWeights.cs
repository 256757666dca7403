using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Weights that are listed among the graph's inputs. Before version 4 of the format every weight had to be, and the runtime takes them for
/// constants. Since then a listed weight is one that a caller may replace, which few exporters mean.
/// </summary>
internal static class ListedWeights
{
    /// <summary>The first version of the format in which a weight need not be listed.</summary>
    public const int FirstVersionWithout = 4;

    /// <summary>The weights that are taken off the list, in its order.</summary>
    public static IReadOnlyList<string> ToRemove(ModelProto model, PreprocessingOptions options)
    {
        if (options.KeepWeightInputs && model.IrVersion >= FirstVersionWithout) return [];
        var weights = model.Graph.Initializer.Select(static tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        return [.. model.Graph.Input.Select(static input => input.Name).Where(weights.Contains)];
    }

    public static void Run(ModelProto model, PreprocessingOptions options, List<string> steps)
    {
        var removed = ToRemove(model, options).ToHashSet(StringComparer.Ordinal);
        if (removed.Count == 0)
        {
            var weights = model.Graph.Initializer.Select(static tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
            string[] kept = [.. model.Graph.Input.Select(static input => input.Name).Where(weights.Contains)];
            if (kept.Length > 0)
                steps.Add(
                    $"Left {kept.Length} weights that are inputs as well as they are ({Named(kept)}), as asked: nodes that read them are "
                    + "neither folded nor quantized.");
            return;
        }

        ValueInfoProto[] free = [.. model.Graph.Input.Where(input => !removed.Contains(input.Name))];
        model.Graph.Input.Clear();
        model.Graph.Input.Add(free);
        var reason = model.IrVersion < FirstVersionWithout
            ? "which had to name them in the old format; no caller could give them"
            : "so that they are constants; callers cannot give others any more";
        steps.Add($"Took {removed.Count} weights from the list of inputs ({Named(removed)}), {reason}.");
        model.IrVersion = Math.Max(model.IrVersion, FirstVersionWithout);
    }

    private static string Named(IReadOnlyCollection<string> names)
    {
        const int Shown = 5;
        var shown = string.Join(", ", names.Take(Shown).Select(static name => $"'{name}'"));
        return names.Count > Shown ? $"{shown} and {names.Count - Shown} more" : shown;
    }
}
