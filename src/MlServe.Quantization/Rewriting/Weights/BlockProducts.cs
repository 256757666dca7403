using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>MatMul and Gemm as com.microsoft's MatMulNBits, which multiplies by weights of 4 or 8 bits in blocks.</summary>
internal sealed class BlockProducts(ModelRewrite rewrite, QuantizationPlan plan)
{
    private const int SmallestBlock = 16;
    private const long IntegerCompute = 4;

    private readonly int _bits = plan.Method == QuantizationMethod.NBits4 ? 4 : 8;
    private readonly ProductBias _bias = new(rewrite);
    private readonly Dictionary<(Weight, string), string[]?> _weights = [];

    public void Rewrite() => rewrite.Walk((node, scope, nodes) =>
    {
        if (!Nodes.Is(node, "MatMul") && !Nodes.Is(node, "Gemm")) nodes.Add(node);
        else if (Replace(node, scope, nodes) is { } reason)
        {
            rewrite.Left(node, reason);
            nodes.Add(node);
        }
        else
        {
            rewrite.Quantized(node);
        }
    });

    /// <returns>Null, or why the node stays.</returns>
    private string? Replace(NodeProto node, GraphScope scope, List<NodeProto> nodes)
    {
        if (rewrite.IsExcluded(node)) return "it was excluded";
        if (MatrixProduct.Read(node, scope, out var reason) is not { } product) return reason;
        if (product.Multiplications < plan.MinMultiplications) return $"it is small ({product.Multiplications} multiplications a row)";
        var block = BlockFor(product.Depth);
        if (WeightsOf(product, block) is not { } weights) return "its weights are not all finite numbers";

        var result = _bias.ResultOf(product);
        var made = Nodes.Make("MatMulNBits", [product.Input, .. weights], [result], node.Name,
            Nodes.Int("K", product.Depth), Nodes.Int("N", product.Width), Nodes.Int("bits", _bits), Nodes.Int("block_size", block),
            Nodes.Int("accuracy_level", IntegerCompute));
        made.Domain = Nodes.Microsoft;
        nodes.Add(made);
        _bias.AddTo(nodes, product, result);
        Graphs.RequireOpset(rewrite.Model, Nodes.Microsoft, 1);
        return null;
    }

    private int BlockFor(int depth)
    {
        var block = plan.BlockSize;
        while (block > SmallestBlock && block / 2 >= depth)
            block /= 2;
        return block;
    }

    private string[]? WeightsOf(MatrixProduct product, int block)
    {
        var key = (product.Weight, product.Key);
        if (_weights.TryGetValue(key, out var known)) return known;
        string[]? names = null;
        var rounding = new BlockRounding(product.Width, product.Depth, block, _bits);
        if (rounding.TryRound(product.RowsByOutput()))
        {
            var initializers = product.Weight.Owner.Graph.Initializer;
            names = [rewrite.Names.Next("w"), rewrite.Names.Next("v")];
            initializers.Add(TensorData.Make(names[0], rounding.Values, product.Width, rounding.Blocks, block * _bits / 8));
            initializers.Add(TensorData.Make(names[1], rounding.Scales, product.Width * (long)rounding.Blocks));
            if (rounding.Zeros is { } zeros)
            {
                names = [.. names, rewrite.Names.Next("z")];
                initializers.Add(TensorData.Make(names[2], zeros, zeros.Length));
            }

            rewrite.Replaced(product.Weight);
        }

        _weights.Add(key, names);
        return names;
    }
}
