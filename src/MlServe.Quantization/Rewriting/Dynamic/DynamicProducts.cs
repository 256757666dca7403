using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Rewriting.Weights;

namespace MlServe.Quantization.Rewriting.Dynamic;

/// <summary>
/// MatMul and Gemm as DynamicQuantizeLinear (one for each tensor, however many read it), MatMulInteger, Cast and Mul, in the form that ONNX
/// Runtime fuses.
/// </summary>
internal sealed class DynamicProducts(ModelRewrite rewrite, QuantizationPlan plan)
{
    private const long Float = 1;

    private readonly int _limit = WeightLimits.For(plan.Target);
    private readonly ProductBias _bias = new(rewrite);
    private readonly Dictionary<(Weight, string), (string Values, string Scales)?> _weights = [];
    private readonly Dictionary<(GraphScope, string), Activation> _activations = [];

    public bool TryReplace(NodeProto node, GraphScope scope, List<NodeProto> nodes)
    {
        if (!Nodes.Is(node, "MatMul") && !Nodes.Is(node, "Gemm")) return false;
        if (MatrixProduct.Read(node, scope, out var reason) is not { } product)
        {
            rewrite.Left(node, reason);
            return false;
        }

        if (product.Multiplications < plan.MinMultiplications)
        {
            rewrite.Left(node, $"it is small ({product.Multiplications} multiplications a row)");
            return false;
        }

        if (IsWidened(product, scope))
        {
            rewrite.Left(node, "a constant with more axes is added to its output, and ONNX Runtime would take it in as a bias");
            return false;
        }

        if (WeightsOf(product) is not { } weights)
        {
            rewrite.Left(node, "its weights are not all finite numbers");
            return false;
        }

        var input = ActivationOf(product.Input, scope, nodes);
        var result = _bias.ResultOf(product);
        var (sum, real, scale) = (rewrite.Names.Next("i"), rewrite.Names.Next("r"), rewrite.Names.Next("k"));
        nodes.Add(Nodes.Make("MatMulInteger", [input.Values, weights.Values, input.Zero], [sum], node.Name));
        nodes.Add(Nodes.Make("Cast", [sum], [real], "", Nodes.Int("to", Float)));
        nodes.Add(Nodes.Make("Mul", [input.Scale, weights.Scales], [scale], ""));
        nodes.Add(Nodes.Make("Mul", [real, scale], [result], ""));
        _bias.AddTo(nodes, product, result);
        rewrite.Quantized(node);
        return true;
    }

    /// <summary>
    /// ONNX Runtime (1.31.1) makes one operator of a product and an addition behind it. It forgets that the constant may have more axes
    /// than the product.
    /// </summary>
    private bool IsWidened(MatrixProduct product, GraphScope scope)
    {
        if (product.Bias is not null || scope.SoleReaderOf(product.Output) is not { } reader || !Nodes.Is(reader, "Add")
            || reader.Input.Count != 2)
            return false;
        var other = reader.Input[reader.Input[0] == product.Output ? 1 : 0];
        return scope.AxesOfConstant(other) is { } axes and > 1 && !(rewrite.Shapes.Find(scope.Graph, product.Input)?.Length >= axes);
    }

    private Activation ActivationOf(string name, GraphScope scope, List<NodeProto> nodes)
    {
        if (_activations.TryGetValue((scope, name), out var known)) return known;
        var made = new Activation(rewrite.Names.Next("q"), rewrite.Names.Next("s"), rewrite.Names.Next("z"));
        nodes.Add(Nodes.Make("DynamicQuantizeLinear", [name], [made.Values, made.Scale, made.Zero], ""));
        _activations.Add((scope, name), made);
        return made;
    }

    private (string Values, string Scales)? WeightsOf(MatrixProduct product)
    {
        var key = (product.Weight, product.Key);
        if (_weights.TryGetValue(key, out var known)) return known;
        (string Values, string Scales)? made = null;
        if (product.Round(_limit, plan.PerChannel) is { } matrix)
        {
            made = (rewrite.Names.Next("w"), rewrite.Names.Next("v"));
            var initializers = product.Weight.Owner.Graph.Initializer;
            initializers.Add(TensorData.Make(made.Value.Values, matrix.Values, product.Depth, product.Width));
            initializers.Add(TensorData.Make(made.Value.Scales, matrix.Scales, plan.PerChannel ? [product.Width] : []));
            rewrite.Replaced(product.Weight);
        }

        _weights.Add(key, made);
        return made;
    }

    private readonly record struct Activation(string Values, string Scale, string Zero);
}
