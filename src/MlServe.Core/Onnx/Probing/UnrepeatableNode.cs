using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Probing;

/// <summary>Tells which operators draw random numbers, or keep something from run to run.</summary>
internal static class UnrepeatableNode
{
    private const string Training = "is in training mode";
    private const string Draws = "draws at random";

    /// <returns>A clause that goes behind the node's name; null for one that answers alike again.</returns>
    public static string? ReasonOf(GraphNode node, GraphScope scope)
    {
        if (!node.IsStandard) return node.OpType switch
        {
            "BiasDropout" or "BitmaskDropout" or "BitmaskBiasDropout" => $"{Training} and {Draws}",
            "Sampling" => Draws,
            _ => null,
        };
        return node.OpType switch
        {
            "RandomNormal" or "RandomNormalLike" or "RandomUniform" or "RandomUniformLike" or "Multinomial" or "Bernoulli" => Draws,
            "BatchNormalization" when node.Int("training_mode", 0) != 0 => $"{Training} and keeps statistics from run to run",
            "Dropout" when IsTraining(node, scope) => $"{Training} and {Draws}",
            _ => null,
        };
    }

    /// <summary>Whether a Dropout drops anything: only if its third input says so, and its second is not 0.</summary>
    private static bool IsTraining(GraphNode node, GraphScope scope) =>
        node.Inputs is [_, var ratio, { Length: > 0 } mode, ..] && scope.ConstantOf(mode) is not { Integers: [0] }
        && scope.ConstantOf(ratio) is not { Numbers: [0] };
}
