using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Counts the operations that a core's peak is a measure of. They are the multiplications and additions of matrix products, convolutions
/// and recurrent layers in one run, zeros around an input included. All other operators count nothing.
/// </summary>
internal static class OperationCount
{
    // A multiplication and an addition.
    private const long Two = 2;

    // A profile of a loop is as long as the loop: a microsecond an operator or more, a kilobyte each.
    private const double MaxLoopMilliseconds = 250;

    private static readonly HashSet<string> Loops = ["Loop", "Scan", "SequenceMap"];

    // They multiply much, in ways that shapes alone do not tell.
    private static readonly HashSet<string> Unknown =
    [
        "Attention", "DeformConv", "Einsum", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul",
        "LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor",
    ];

    // Of the runtime's own operators those that are counted, and those without products.
    private static readonly HashSet<string> Fused =
    [
        "FusedConv", "NhwcFusedConv", "FusedGemm", "FusedMatMul",
        "BiasGelu", "FastGelu", "Gelu", "QuickGelu", "BiasSoftmax", "EmbedLayerNormalization", "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization", "RotaryEmbedding", "NhwcMaxPool", "ExpandDims", "Range", "Trilu", "Pad", "Unique",
    ];

    /// <summary>The operations of one run of a model with a sample. Null if not all of them can be counted.</summary>
    /// <param name="model">The model, in FP32.</param>
    /// <param name="sample">The sample that it runs.</param>
    /// <param name="milliseconds">How long a run takes.</param>
    /// <param name="threads">Threads that work on one operator.</param>
    public static long? Of(ModelProto model, EncodedSample sample, double milliseconds, int threads)
    {
        var functions = model.Functions.Select(static function => (function.Domain, function.Name)).ToHashSet();
        foreach (var node in Graphs.Of(model)
            .SelectMany(static graph => graph.Node)
            .Concat(model.Functions.SelectMany(static function => WithInner(function.Node))))
        {
            if (!functions.Contains((node.Domain, node.OpType)) && !IsKnown(node)) return null;
            if (Loops.Contains(node.OpType) && milliseconds > MaxLoopMilliseconds) return null;
        }

        return OperatorProfile.Of(model, sample, threads) is { } runs ? Sum(runs) : null;
    }

    /// <summary>The operations of operators that ran; null if one is not as it should be.</summary>
    internal static long? Sum(IReadOnlyList<OperatorRun> runs)
    {
        try
        {
            long sum = 0;
            foreach (var run in runs)
            {
                if (Of(run) is not { } count) return null;
                sum = checked(sum + count);
            }

            return sum;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static long? Of(OperatorRun run)
    {
        var needed = run.Operator switch
        {
            "Conv" or "FusedConv" or "NhwcFusedConv" or "ConvTranspose" or "MatMul" or "FusedMatMul" or "Gemm" or "FusedGemm" => 2,
            "LSTM" or "GRU" or "RNN" => 3,
            _ => 0,
        };
        if (needed == 0) return Unknown.Contains(run.Operator) ? null : 0;
        if (run.Inputs.Count < needed || run.Outputs.Count == 0
            || !run.Inputs.Take(needed).Append(run.Outputs[0]).All(static one => one.IsFloat))
            return null;
        var (left, right, output) = (run.Inputs[0], run.Inputs[1], run.Outputs[0]);
        return run.Operator switch
        {
            "LSTM" or "GRU" or "RNN" => Recurrent(left, right, run.Inputs[2]),

            // Weights are [channels of the output, channels of a group, kernel...]: each output reads its own channel's. Transposed they
            // are [channels of the input, channels of a group, kernel...].
            "Conv" or "FusedConv" or "NhwcFusedConv" => Each(output.Count, left, right),
            "ConvTranspose" => Each(left.Count, left, right),
            "Gemm" or "FusedGemm" => left.Rank == 2 && output.Rank == 2 ? Product(output, left) : null,
            _ => Matrices(left, right, output),
        };
    }

    private static long? Each(long places, TypedShape input, TypedShape weights) =>
        weights.Rank < 3 || weights.Rank != input.Rank ? null
            : weights.Count == 0 ? 0
            : checked(Two * places * (weights.Count / weights.Shape[0]));

    private static long? Matrices(TypedShape left, TypedShape right, TypedShape output)
    {
        if (left.Rank == 0 || right.Rank == 0) return null;
        return left.Rank > 1 && right.Rank > 1 ? Product(output, left) : checked(Two * output.Count * left.Shape[^1]);
    }

    /// <summary>The sum runs over the axis of the left matrix that is not the axis of the rows, whether it is transposed or not.</summary>
    private static long? Product(TypedShape output, TypedShape left)
    {
        if (output.Rank < 2 || output.Count == 0) return output.Rank < 2 ? null : 0;
        var (length, rest) = Math.DivRem(checked(left.Shape[^1] * left.Shape[^2]), output.Shape[^2]);
        return rest == 0 ? checked(Two * output.Count * length) : null;
    }

    /// <summary>
    /// Each step of each row multiplies with all of both weights: [directions, gates x size, input] and [directions, gates x size, size].
    /// </summary>
    private static long? Recurrent(TypedShape input, TypedShape weights, TypedShape recurrence) =>
        input.Rank == 3 ? checked(Two * input.Shape[0] * input.Shape[1] * (weights.Count + recurrence.Count)) : null;

    private static bool IsKnown(NodeProto node) => node.Domain switch
    {
        // With lengths of sequences, a row's steps depend on values.
        "" or "ai.onnx" when node.OpType is "LSTM" or "GRU" or "RNN" => node.Input.Count <= 4 || node.Input[4].Length == 0,
        "" or "ai.onnx" or "ai.onnx.ml" => !Unknown.Contains(node.OpType),
        Nodes.Microsoft => Fused.Contains(node.OpType) && Nodes.Int(node, "transBatchA", 0) == 0 && Nodes.Int(node, "transBatchB", 0) == 0,
        "com.ms.internal.nhwc" => node.OpType is "Conv",
        _ => false,
    };

    private static IEnumerable<NodeProto> WithInner(IReadOnlyCollection<NodeProto> nodes) =>
        nodes.Concat(Graphs.Within(nodes).SelectMany(static graph => graph.Node));
}
