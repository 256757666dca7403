using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>Which axes of a weight are channels, each with a scale of its own: the first few, and perhaps the last.</summary>
/// <param name="Leading">How many of the first.</param>
/// <param name="Last">Whether the last is one too.</param>
internal readonly record struct WeightAxes(int Leading, bool Last)
{
    /// <summary>The channels of a weight, if an operator reads it as one; null if it reads it as something else.</summary>
    public static WeightAxes? Of(NodeProto node, int input, int rank)
    {
        if (rank < 2) return null;
        WeightAxes? axes = (node.OpType, input) switch
        {
            ("Conv" or "ConvTranspose" or "DeformConv", 1) => new(1, false),
            ("Gather", 0) => Gathered(node, rank),
            ("MatMul", 1) => new(rank - 2, true),
            ("MatMul", 0) => new(rank - 1, false),
            ("Gemm", 0) => Turned(node, "transA") ? new(0, true) : new(1, false),
            ("Gemm", 1) => Turned(node, "transB") ? new(1, false) : new(0, true),
            ("LSTM" or "GRU" or "RNN", 1 or 2) => new(2, false),
            ("FusedConv", 1) or ("EmbedLayerNormalization", 2 or 3 or 4) => new(1, false),
            ("Attention", 1) => new(0, true),
            ("FusedMatMul" or "FusedGemm", 1) => Turned(node, "transB") ? new(1, false) : new(rank - 2, true),
            _ => null,
        };
        return axes is { } found && (Nodes.IsStandard(node) || node.Domain == Nodes.Microsoft) && found.Leading < rank ? axes : null;
    }

    /// <summary>The shape of the scales, which broadcasts over the weight.</summary>
    public long[] ScaleShape(IReadOnlyList<long> shape)
    {
        var scales = new long[shape.Count];
        for (var axis = 0; axis < scales.Length; axis++)
            scales[axis] = axis < Leading || (Last && axis == scales.Length - 1) ? shape[axis] : 1;
        return scales;
    }

    /// <summary>
    /// Elements that are picked out together have a scale of their own. They are a row of a table of words, or a column if the axis is the
    /// last.
    /// </summary>
    private static WeightAxes? Gathered(NodeProto node, int rank)
    {
        var axis = Nodes.Int(node, "axis", 0);
        if (axis < 0) axis += rank;
        if (axis < 0 || axis >= rank) return null;
        return axis == rank - 1 ? new(0, true) : new((int)axis + 1, false);
    }

    private static bool Turned(NodeProto node, string attribute) => Nodes.Int(node, attribute, 0) != 0;
}
