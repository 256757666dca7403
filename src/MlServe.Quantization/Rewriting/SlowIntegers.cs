using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting;

/// <summary>
/// Finds integer operators with types that ONNX Runtime (1.31.1) is slow with on x86. They are unsigned weights, and signed activations
/// that are given to an integer operator itself. Nothing that is written here has them.
/// </summary>
internal static class SlowIntegers
{
    /// <summary>The cost of unsigned weights, measured on AVX512-VNNI with one thread: 0.34 of a core's peak in place of 0.80.</summary>
    public const string UnsignedWeights = "weights of unsigned integers: the product runs at 0.34 of the core's integer peak, and at 0.80 "
        + "with signed ones (2.4 times as fast)";

    /// <summary>The cost of signed activations, measured alike: 0.04 in place of 0.70.</summary>
    public const string SignedActivations =
        "signed activations without QuantizeLinear and DequantizeLinear around the operator: it runs at 0.04 of the core's integer peak, "
        + "and at 0.70 with unsigned ones (17 times as fast)";

    /// <summary>The places of an operator's inputs: activation and weight, each with its zero point; -1: it has none.</summary>
    private static readonly Dictionary<string, (int Activation, int Weight, int ActivationZero, int WeightZero)> Inputs = new(
        StringComparer.Ordinal)
    {
        ["QLinearConv"] = (0, 3, 2, 5),
        ["QLinearMatMul"] = (0, 3, 2, 5),
        ["QGemm"] = (0, 3, 2, 5),
        ["MatMulInteger"] = (0, 1, 2, 3),
        ["ConvInteger"] = (0, 1, 2, 3),
        ["MatMulIntegerToFloat"] = (0, 1, 4, 5),
        ["DynamicQuantizeMatMul"] = (-1, 1, -1, 3),
    };

    /// <summary>The nodes with such types, and what that costs.</summary>
    public static IReadOnlyList<NodeDecision> In(ModelProto model)
    {
        var types = new Types(model);
        return [.. Graphs.Of(model).SelectMany(static graph => graph.Node).Select(node => (Node: node, Reason: ReasonOf(node, types)))
            .Where(static pair => pair.Reason is not null)
            .Select(static pair => new NodeDecision(Nodes.NameOf(pair.Node), pair.Node.OpType, true, pair.Reason!))];
    }

    private static string? ReasonOf(NodeProto node, Types types)
    {
        if (Inputs.TryGetValue(node.OpType, out var places) && (Nodes.IsStandard(node) || node.Domain == Nodes.Microsoft))
        {
            if (types.Of(node, places.Weight, places.WeightZero) == DataType.Uint8) return UnsignedWeights;
            return places.Activation >= 0 && types.Of(node, places.Activation, places.ActivationZero) == DataType.Int8
                ? SignedActivations
                : null;
        }

        var isProduct = Nodes.Is(node, "Conv") || Nodes.Is(node, "MatMul") || Nodes.Is(node, "Gemm");
        return isProduct && node.Input.Count > 1 && types.IsDequantized(node.Input[0], isConstant: false) == true
            && types.IsDequantized(node.Input[1], isConstant: true) == true
            && types.OfDequantized(node.Input[1]) == DataType.Uint8 ? UnsignedWeights : null;
    }

    /// <summary>The types of a model's integers, as far as constants, inputs and zero points tell them.</summary>
    private sealed class Types
    {
        private readonly Dictionary<string, TensorProto> _constants = new(StringComparer.Ordinal);
        private readonly Dictionary<string, DataType> _inputs = new(StringComparer.Ordinal);
        private readonly Dictionary<string, NodeProto> _producers = new(StringComparer.Ordinal);

        public Types(ModelProto model)
        {
            foreach (var graph in Graphs.Of(model))
            {
                foreach (var tensor in graph.Initializer)
                    _constants.TryAdd(tensor.Name, tensor);
                foreach (var input in graph.Input)
                    _inputs.TryAdd(input.Name, (DataType)(input.Type?.TensorType?.ElemType ?? 0));
                foreach (var node in graph.Node)
                {
                    if (Nodes.Is(node, "Constant")
                        && node.Attribute.FirstOrDefault(static attribute => attribute.Name == "value")?.T is { } tensor)
                        _constants.TryAdd(node.Output[0], tensor);
                    foreach (var output in node.Output)
                        _producers.TryAdd(output, node);
                }
            }
        }

        public DataType? Of(NodeProto node, int input, int zero) =>
            (zero >= 0 && zero < node.Input.Count ? Of(node.Input[zero]) : null)
            ?? (input < node.Input.Count ? Of(node.Input[input]) : null);

        /// <summary>Whether a value is integers turned to float again; null if it is neither that nor known.</summary>
        public bool? IsDequantized(string value, bool isConstant) =>
            _producers.TryGetValue(value, out var node) && node.OpType == "DequantizeLinear"
                ? _constants.ContainsKey(node.Input[0]) == isConstant
                : null;

        public DataType? OfDequantized(string value) => Of(_producers[value].Input[0]);

        private DataType? Of(string value)
        {
            if (_constants.TryGetValue(value, out var tensor)) return TensorData.TypeOf(tensor);
            if (!_producers.TryGetValue(value, out var node)) return _inputs.TryGetValue(value, out var type) ? type : null;
            return node.OpType switch
            {
                "QuantizeLinear" => node.Input.Count > 2 && node.Input[2].Length > 0 ? Of(node.Input[2]) : DataType.Uint8,
                "DynamicQuantizeLinear" => DataType.Uint8,
                "QLinearConv" or "QLinearMatMul" => node.Input.Count > 7 ? Of(node.Input[7]) : null,
                "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Flatten" or "Identity" or "MaxPool" or "Slice" or "Gather" =>
                    Of(node.Input[0]),
                _ => null,
            };
        }
    }
}
