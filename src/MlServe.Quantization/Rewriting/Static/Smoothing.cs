using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Brings the columns of the inputs of matrix products on integers nearer to one width, and takes the difference into the rows of their
/// weights. The weights have a scale for each column and lose less by it (G. Xiao et al., "SmoothQuant", 2022). A value that comes as
/// integers stays as it is: a multiplication would stand between two integer operators.
/// </summary>
internal static class Smoothing
{
    /// <summary>The model with the plan's factors in it; the model itself if there are none.</summary>
    public static ModelProto Apply(ModelProto preprocessed, QuantizationPlan plan)
    {
        if (plan.InputFactors.Count == 0) return preprocessed;
        var model = preprocessed.Clone();
        var index = new GraphIndex(model.Graph);
        var names = new NameAllocator(model);
        var weights = new Dictionary<(string Weight, string Value), string>();
        foreach (var (value, nodes) in Readers(index, plan))
        {
            if (!plan.InputFactors.TryGetValue(value, out var factors)) continue;
            var smoothed = names.Unique($"{value}/smooth");
            foreach (var compute in nodes)
            {
                RequireLength(value, factors, compute);
                if (!weights.TryGetValue((compute.Weight.Name, value), out var weight))
                {
                    weight = names.Unique($"{compute.Weight.Name}/smooth");
                    model.Graph.Initializer.Add(TensorData.Make(weight, Divided(compute, factors), [.. compute.Weight.Dims]));
                    weights.Add((compute.Weight.Name, value), weight);
                }

                compute.Node.Input[0] = smoothed;
                compute.Node.Input[1] = weight;
            }

            var scale = names.Unique($"{value}/factors");
            model.Graph.Initializer.Add(TensorData.Make(scale, factors, factors.Length));
            model.Graph.Node.Insert(model.Graph.Node.IndexOf(nodes[0].Node), Nodes.Make("Mul", [value, scale], [smoothed], ""));
        }

        RemoveUnused(model.Graph);
        return model;
    }

    /// <summary>The values that can be smoothed, each with the products on integers that read it, in the graph's order.</summary>
    public static IReadOnlyList<(string Value, IReadOnlyList<ComputeNode> Nodes)> Readers(GraphIndex index, QuantizationPlan plan)
    {
        var layout = new StaticLayout(index, plan);
        return [.. index.Graph.Node.Select(layout.ComputeOf).OfType<ComputeNode>()
            .Where(compute => compute.Node.OpType is "MatMul" or "Gemm" && compute.Weight.Dims.Count == 2
                && !layout.IsRounded(compute.Node.Input[0]))
            .GroupBy(static compute => compute.Node.Input[0], StringComparer.Ordinal)
            .Select(static group => (group.Key, (IReadOnlyList<ComputeNode>)[.. group]))];
    }

    /// <summary>The columns of its input that a product multiplies.</summary>
    public static int ColumnsOf(ComputeNode compute) => checked((int)compute.Weight.Dims[1 - compute.Axis]);

    private static float[] Divided(ComputeNode compute, float[] factors)
    {
        var values = TensorData.Floats(compute.Weight);
        var inner = (int)compute.Weight.Dims[1];
        for (var i = 0; i < values.Length; i++)
            values[i] /= factors[compute.Axis == 1 ? i / inner : i % inner];
        return values;
    }

    private static void RemoveUnused(GraphProto graph)
    {
        var after = new GraphIndex(graph);
        for (var i = graph.Initializer.Count - 1; i >= 0; i--)
        {
            var name = graph.Initializer[i].Name;
            if (after.UsesOf(name).Count == 0 && !after.IsOutput(name) && !after.IsInput(name)) graph.Initializer.RemoveAt(i);
        }
    }

    private static void RequireLength(string value, float[] factors, ComputeNode compute)
    {
        if (factors.Length == ColumnsOf(compute) && Array.TrueForAll(factors, static factor => float.IsNormal(factor) && factor > 0))
            return;
        throw new QuantizationException(QuantizationFailure.PlanMismatch,
            $"The plan has {factors.Length} factors for '{value}', which has {ColumnsOf(compute)} columns, or one of them is not above 0. "
                + "It was made for another model.");
    }
}
