using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>A MatMul or Gemm that multiplies by a constant matrix of floats, and what a Gemm adds.</summary>
internal sealed class MatrixProduct
{
    private readonly bool _isTransposed;
    private readonly float _alpha;

    private MatrixProduct(NodeProto node, Weight weight)
    {
        Input = node.Input[0];
        Output = node.Output[0];
        Weight = weight;
        _isTransposed = Nodes.Is(node, "Gemm") && Nodes.Int(node, "transB", 0) != 0;
        _alpha = Nodes.Is(node, "Gemm") ? Nodes.Float(node, "alpha", 1) : 1;
        var (first, second) = ((int)weight.Tensor.Dims[0], (int)weight.Tensor.Dims[1]);
        (Depth, Width) = _isTransposed ? (second, first) : (first, second);
    }

    public string Input { get; }

    public string Output { get; }

    public Weight Weight { get; }

    /// <summary>Elements of a row that comes in.</summary>
    public int Depth { get; }

    /// <summary>Elements of a row that comes out.</summary>
    public int Width { get; }

    /// <summary>The name of the addend, in the node's own graph; null if nothing is added.</summary>
    public string? Bias { get; private set; }

    /// <summary>The constant behind <see cref="Bias"/> and what it has to be multiplied by first; null if that is 1.</summary>
    public (Weight Weight, float Factor)? BiasScaling { get; private set; }

    public long Multiplications => (long)Depth * Width;

    /// <summary>The traits that two products must share to have the same integers.</summary>
    public string Key => FormattableString.Invariant($"{(_isTransposed ? "t" : "")}{_alpha:R}");

    /// <param name="node">A MatMul or a Gemm.</param>
    /// <param name="scope">Its graph.</param>
    /// <param name="reason">If it is none: why, as the end of a sentence about the node.</param>
    public static MatrixProduct? Read(NodeProto node, GraphScope scope, out string reason)
    {
        reason = "it lacks an input or an output";
        if (node.Input.Count < 2 || node.Output.Count == 0 || node.Input[0].Length == 0 || node.Input[1].Length == 0) return null;
        if (scope.Find(node.Input[1], out reason) is not { } weight) return null;
        if (!weight.IsFloat) reason = $"its weights are {TensorData.TypeOf(weight.Tensor)}, not Float";
        else if (weight.Rank != 2) reason = $"its weights have {weight.Rank} axes ({weight.Sizes}), not 2";
        else if (weight.Count == 0) reason = $"its weights have no elements ({weight.Sizes})";
        else if (weight.Tensor.Dims.Any(static size => size is < 0 or > int.MaxValue) || weight.Count > Array.MaxLength)
            reason = $"its weights are too large ({weight.Sizes})";
        else if (Nodes.Is(node, "Gemm") && Nodes.Int(node, "transA", 0) != 0) reason = "it transposes its input (transA)";
        else
        {
            var product = new MatrixProduct(node, weight);
            if (!float.IsFinite(product._alpha)) reason = $"its alpha is {product._alpha}";
            else if (product.ReadBias(node, scope, out reason)) return product;
        }

        return null;
    }

    /// <summary>The matrix with as many rows as the result has elements, times alpha.</summary>
    public float[] RowsByOutput() => _isTransposed ? Scaled() : Turned(Scaled(), Depth, Width);

    /// <summary>Rounds the matrix to integers of as many rows as the input has elements; null if a weight is no number.</summary>
    public Int8Matrix? Round(int limit, bool perChannel)
    {
        var values = Scaled();
        if (!_isTransposed)
        {
            var columns = Int8Matrix.OfColumns(values, Depth, Width, limit, perChannel);
            return columns.IsFinite ? columns : null;
        }

        var rows = Int8Matrix.OfRows(values, Width, Depth, limit, perChannel);
        return rows.IsFinite ? rows with { Values = Turned(rows.Values, Width, Depth) } : null;
    }

    private static T[] Turned<T>(T[] values, int rows, int columns)
    {
        var turned = new T[values.Length];
        Transposition.Of<T>(values, rows, columns, turned);
        return turned;
    }

    private float[] Scaled()
    {
        var values = TensorData.Floats(Weight.Tensor);
        if (_alpha != 1) System.Numerics.Tensors.TensorPrimitives.Multiply(values, _alpha, values);
        return values;
    }

    private bool ReadBias(NodeProto node, GraphScope scope, out string reason)
    {
        reason = "";
        if (!Nodes.Is(node, "Gemm") || node.Input.Count < 3 || node.Input[2].Length == 0) return true;
        var beta = Nodes.Float(node, "beta", 1);
        if (beta == 0) return true;
        Bias = node.Input[2];
        if (beta == 1) return true;
        if (scope.Find(Bias, out _) is not { IsFloat: true } bias)
        {
            reason = $"it adds a value that is no constant, times {beta} (beta)";
            return false;
        }

        BiasScaling = (bias, beta);
        return true;
    }
}
