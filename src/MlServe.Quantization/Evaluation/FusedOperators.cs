using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>Counts the operators that ONNX Runtime really runs for a model, after all of its fusions: the proof that integer operators are among them.</summary>
internal static class FusedOperators
{
    /// <summary>The operators of all graphs, subgraphs included, by name in ordinal order, and how many there are of each.</summary>
    public static IReadOnlyDictionary<string, int> Of(byte[] model, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_ENABLE_ALL)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var node in Graphs.Of(OptimizedModel.Optimize(model, level)).SelectMany(static graph => graph.Node))
            counts[node.OpType] = counts.GetValueOrDefault(node.OpType) + 1;
        return counts;
    }
}
