using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>An operator that multiplies an activation (its first input) with constant weights.</summary>
/// <param name="Node">The operator.</param>
/// <param name="Weight">Its second input.</param>
/// <param name="Bias">Its third input, a value for each channel or one for all; null: none.</param>
/// <param name="Axis">The axis of the weights along which the output's channels lie.</param>
internal sealed record ComputeNode(NodeProto Node, TensorProto Weight, TensorProto? Bias, int Axis)
{
    public int Channels => checked((int)Weight.Dims[Axis]);

    /// <summary>The factor of all weights.</summary>
    public float WeightFactor => Node.OpType == "Gemm" ? Nodes.Float(Node, "alpha", 1) : 1;

    public float BiasFactor => Node.OpType == "Gemm" ? Nodes.Float(Node, "beta", 1) : 1;

    /// <summary>Whether the runtime's integer operator can take a bias.</summary>
    public bool TakesBias => Node.OpType != "MatMul";

    /// <summary>
    /// Whether the output is always rounded, for all of its readers. ONNX Runtime has no integer convolution with a float output, but
    /// integer matrix products with one.
    /// </summary>
    public bool RoundsOutput => Node.OpType == "Conv";

    /// <summary>The weights with <see cref="WeightFactor"/> in them.</summary>
    public float[] Weights()
    {
        var values = TensorData.Floats(Weight);
        if (WeightFactor is var factor and not 1)
        {
            for (var i = 0; i < values.Length; i++)
                values[i] *= factor;
        }

        return values;
    }

    /// <summary>The bias of each channel with <see cref="BiasFactor"/> in it; null: none.</summary>
    public float[]? Biases()
    {
        if (Bias is null) return null;
        var values = TensorData.Floats(Bias);
        var biases = new float[Channels];
        for (var i = 0; i < biases.Length; i++)
            biases[i] = values[values.Length == 1 ? 0 : i] * BiasFactor;
        return biases;
    }
}
