using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Weights that are listed among the graph's inputs. Before version 4 of the format every weight had to be, and the runtime takes them for constants; since
/// then to be listed means that a caller may give another value, so they stay what they are.
/// </summary>
internal static class ListedWeights
{
    /// <summary>The first version of the format in which a weight need not be listed.</summary>
    public const int FirstVersionWithout = 4;

    public static void Run(ModelProto model, List<string> steps)
    {
        var graph = model.Graph;
        var weights = graph.Initializer.Select(static tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        ValueInfoProto[] free = [.. graph.Input.Where(input => !weights.Contains(input.Name))];
        var listed = graph.Input.Count - free.Length;
        if (listed == 0) return;
        if (model.IrVersion >= FirstVersionWithout)
        {
            steps.Add($"Left {listed} weights that are inputs as well as they are: a caller may give other values, so they are neither folded nor quantized. " +
                "Export without keeping initializers as inputs if none does.");
            return;
        }

        graph.Input.Clear();
        graph.Input.Add(free);
        model.IrVersion = FirstVersionWithout;
        steps.Add($"Took {listed} weights from the list of inputs, where the old format had to name them; no caller could give them.");
    }
}
