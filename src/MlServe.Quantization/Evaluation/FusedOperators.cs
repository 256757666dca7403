using Microsoft.ML.OnnxRuntime;
using MlServe.Quantization.Model;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Counts the operators that ONNX Runtime really runs for a model, after all of its fusions: the proof that integer operators are among
/// them.
/// </summary>
internal static class FusedOperators
{
    private static readonly string[] Integer =
        ["QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulInteger", "ConvInteger"];

    /// <summary>The operators of all graphs, subgraphs included, by name in ordinal order, and how many there are of each.</summary>
    public static IReadOnlyDictionary<string, int> Of(byte[] model, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_ENABLE_ALL)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var node in Graphs.Of(OptimizedModel.Optimize(model, level)).SelectMany(static graph => graph.Node))
            counts[node.OpType] = counts.GetValueOrDefault(node.OpType) + 1;
        return counts;
    }

    /// <summary>
    /// The message if more or fewer operators with weights run on integers than a plan has quantized; null if just these do.
    /// </summary>
    public static string? Difference(IReadOnlyList<NodeDecision> decisions, IReadOnlyDictionary<string, int> fused)
    {
        var planned = decisions.Count(static decision => decision is { IsQuantized: true, OpType: "Conv" or "Gemm" or "MatMul" });
        var found = Integer.Sum(name => fused.GetValueOrDefault(name));
        return found == planned
            ? null
            : $"{planned} operators with weights are quantized, and this runtime runs {found} on integers, on this processor.";
    }
}
