using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>
/// A constant of a model: an initializer, or what a Constant node holds. There is one instance for each, for all of its readers.
/// </summary>
internal sealed class Weight(string name, TensorProto tensor, GraphScope owner)
{
    public string Name => name;

    public TensorProto Tensor => tensor;

    /// <summary>The graph that it lies in.</summary>
    public GraphScope Owner => owner;

    public bool IsFloat => TensorData.TypeOf(tensor) == DataType.Float;

    public int Rank => tensor.Dims.Count;

    /// <summary>The number of elements; huge sizes are no reason to fail.</summary>
    public long Count => tensor.Dims.Aggregate(1L, static (count, size) => count * size);

    /// <summary>Its sizes for people: <c>128x64</c>.</summary>
    public string Sizes => string.Join('x', tensor.Dims);
}
