using MlServe.Quantization.Model;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>
/// Integers of 8 bits and their scales, as Cast and Mul, which ONNX Runtime folds when it loads the model. DequantizeLinear would be run
/// anew in every call.
/// </summary>
internal sealed class Int8Storage(ModelRewrite rewrite, bool perChannel) : IWeightStorage
{
    private const int Limit = 127;
    private const long Float = 1;
    private const long NodesAndNames = 160;

    public long BytesOf(Weight weight, WeightAxes axes) =>
        weight.Count + (sizeof(float) * (perChannel
            ? axes.ScaleShape(weight.Tensor.Dims).Aggregate(1L, static (count, size) => count * size)
            : 1)) + NodesAndNames;

    public string? Store(Weight weight, WeightAxes axes, out string reason)
    {
        reason = "its weights are not all finite numbers";
        var shape = weight.Tensor.Dims;
        var values = TensorData.Floats(weight.Tensor);
        if (Round(values, shape, axes) is not { } matrix) return null;
        var (integers, scales, real, result) =
            (rewrite.Names.Next("w"), rewrite.Names.Next("v"), rewrite.Names.Next("r"), rewrite.Names.Next("f"));
        var graph = weight.Owner.Graph;
        graph.Initializer.Add(TensorData.Make(integers, matrix.Values, [.. shape]));
        graph.Initializer.Add(TensorData.Make(scales, matrix.Scales, perChannel ? axes.ScaleShape(shape) : []));
        rewrite.AddFirst(weight.Owner, Nodes.Make("Cast", [integers], [real], "", Nodes.Int("to", Float)));
        rewrite.AddFirst(weight.Owner, Nodes.Make("Mul", [real, scales], [result], ""));
        return result;
    }

    private Int8Matrix? Round(float[] values, IReadOnlyList<long> shape, WeightAxes axes)
    {
        Int8Matrix matrix;
        var blocks = (int)shape.Take(axes.Leading).Aggregate(1L, static (count, size) => count * size);
        if (!perChannel || !axes.Last)
        {
            matrix = Int8Matrix.OfRows(values, blocks, values.Length / blocks, Limit, perChannel);
            return matrix.IsFinite ? matrix : null;
        }

        var columns = (int)shape[^1];
        var length = values.Length / blocks;
        if (blocks == 1)
        {
            matrix = Int8Matrix.OfColumns(values, length / columns, columns, Limit, perChannel: true);
            return matrix.IsFinite ? matrix : null;
        }

        matrix = new(new sbyte[values.Length], new float[blocks * columns]);
        for (var block = 0; block < blocks; block++)
        {
            var part = Int8Matrix.OfColumns(values.AsSpan(block * length, length), length / columns, columns, Limit, perChannel: true);
            if (!part.IsFinite) return null;
            part.Values.CopyTo(matrix.Values, block * length);
            part.Scales.CopyTo(matrix.Scales, block * columns);
        }

        return matrix;
    }
}
