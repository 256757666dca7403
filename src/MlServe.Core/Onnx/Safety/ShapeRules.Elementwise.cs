using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <content>Operators whose outputs are as large as what they are given, or as what that is stretched to.</content>
internal static partial class ShapeRules
{
    private static void AddElementwise(Dictionary<string, Action<NodeEstimate>> rules)
    {
        rules.Each("""
            Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity
            LeakyRelu Log LogSoftmax LpNormalization LRN MeanVarianceNormalization Mish Neg Not BitwiseNot Reciprocal Relu Round Selu Shrink
            Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu CumSum Dropout BatchNormalization
            InstanceNormalization GroupNormalization LayerNormalization RMSNormalization SimplifiedLayerNormalization SkipLayerNormalization
            ReverseSequence ScatterElements ScatterND Scatter TensorScatter Bernoulli RotaryEmbedding QuickGelu BiasGelu FastGelu Normalizer
            Scaler Binarizer Imputer
            """,
            static node => node.Out(node.In(0).Dims));
        rules.Each("Cast", static node => node.Out(0, Estimate.Of(TypeOf(node, "to", OnnxElementType.Undefined), node.In(0).Dims)));
        rules.Each("CastLike DequantizeLinear", static node => node.Out(0, Estimate.Of(node.In(1).Type, node.In(0).Dims)));
        rules.Each("QuantizeLinear DynamicQuantizeLinear", static node => node.Out(0, Estimate.Of(OnnxElementType.UInt8, node.In(0).Dims)));
        rules.Each("IsNaN IsInf", static node => node.Out(0, Estimate.Of(OnnxElementType.Bool, node.In(0).Dims)));
        rules.Each(
            "RandomNormalLike RandomUniformLike EyeLike",
            static node => node.Out(0, Estimate.Of(TypeOf(node, "dtype", node.In(0).Type), node.In(0).Dims)));
        rules.Each("Add Sub Mul Div Mod Pow PRelu And Or Xor BitwiseAnd BitwiseOr BitwiseXor BitShift Max Min Mean Sum", static node =>
            node.Out(Broadcast(Enumerable.Range(0, node.InputCount).Select(i => node.In(i).Dims))));
        rules.Each("Equal Greater GreaterOrEqual Less LessOrEqual", static node =>
            node.Out(0, Estimate.Of(OnnxElementType.Bool, Broadcast(node.In(0).Dims, node.In(1).Dims))));
        rules.Each(
            "Where",
            static node => node.Out(0, Estimate.Of(node.In(1).Type, Broadcast(node.In(0).Dims, node.In(1).Dims, node.In(2).Dims))));
        rules.Each("Expand", static node => node.Out(Broadcast(node.In(0).Dims, node.In(1).AsDims())));
        rules.Each("""
            ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare ArgMax ArgMin
            """, static node => node.Out(Reduced(node)));
    }

    private static long[]? Reduced(NodeEstimate node)
    {
        if (node.In(0).Dims is not { } dims) return null;
        var isArg = node.Node.OpType.StartsWith("Arg", StringComparison.Ordinal);
        var axes = isArg ? [node.Int("axis", 0)] : node.Axes(1);
        if (axes is null && node.Has(1)) return null;
        if (axes is null or [] && node.Int("noop_with_empty_axes", 0) != 0) return dims;
        var isReduced = new bool[dims.Length];
        if (axes is null or []) Array.Fill(isReduced, true);
        foreach (var axis in axes ?? [])
        {
            if (NodeEstimate.Axis(axis, dims.Length) is not { } index) return null;
            isReduced[index] = true;
        }

        var keeps = node.Int("keepdims", 1) != 0;
        return [.. dims.Select((dim, i) => (dim, i))
            .Where(pair => keeps || !isReduced[pair.i])
            .Select(pair => isReduced[pair.i] ? 1 : pair.dim)];
    }
}
