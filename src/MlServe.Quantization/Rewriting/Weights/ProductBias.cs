using System.Numerics.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>The addend of a Gemm, for the Add that follows its product; a factor (beta) is multiplied into the constant.</summary>
internal sealed class ProductBias(ModelRewrite rewrite)
{
    private readonly Dictionary<(Weight, float), string> _scaled = [];

    public string NameOf(MatrixProduct product)
    {
        if (product.BiasScaling is not { } scaling) return product.Bias!;
        if (_scaled.TryGetValue(scaling, out var name)) return name;
        var tensor = scaling.Weight.Tensor;
        var values = TensorData.Floats(tensor);
        TensorPrimitives.Multiply(values, scaling.Factor, values);
        name = rewrite.Names.Next("b");
        scaling.Weight.Owner.Graph.Initializer.Add(TensorData.Make(name, values, [.. tensor.Dims]));
        rewrite.Replaced(scaling.Weight);
        _scaled.Add(scaling, name);
        return name;
    }

    /// <summary>The name that the product itself has to give its result.</summary>
    public string ResultOf(MatrixProduct product) => product.Bias is null ? product.Output : rewrite.Names.Next("p");

    /// <summary>Adds the Add, if there is something to add.</summary>
    public void AddTo(List<NodeProto> nodes, MatrixProduct product, string result)
    {
        if (product.Bias is not null) nodes.Add(Nodes.Make("Add", [result, NameOf(product)], [product.Output], ""));
    }
}
