using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>A multiplication with, or an addition of, one constant for all or one for each channel (the second axis).</summary>
/// <param name="Node">The Mul, Div, Add or Sub.</param>
/// <param name="Input">The value that it changes.</param>
/// <param name="IsFactor">Whether it multiplies.</param>
/// <param name="Values">One value, or one for each channel; those of a Div or a Sub are turned round already.</param>
/// <param name="Constant">The constant as it stands in the model.</param>
internal sealed record ChannelAffine(NodeProto Node, string Input, bool IsFactor, double[] Values, TensorProto Constant)
{
    /// <param name="node">Any node, or none.</param>
    /// <param name="rank">The rank of the changed value.</param>
    /// <param name="channels">How many channels it has.</param>
    /// <param name="index">The graph.</param>
    public static ChannelAffine? Match(NodeProto? node, int rank, int channels, GraphIndex index)
    {
        if (node is null || !Nodes.IsStandard(node) || node.OpType is not ("Mul" or "Div" or "Add" or "Sub") || node.Input.Count != 2
            || node.Output.Count != 1)
            return null;
        var isCommutative = node.OpType is "Mul" or "Add";
        for (var constant = 1; constant >= (isCommutative ? 0 : 1); constant--)
        {
            if (index.ConstantOf(node.Input[constant]) is not { } tensor || ValuesOf(tensor, rank, channels) is not { } values) continue;
            if (node.OpType == "Div") values = [.. values.Select(static value => 1 / value)];
            if (node.OpType == "Sub") values = [.. values.Select(static value => -value)];
            return values.All(static value => float.IsFinite((float)value))
                ? new(node, node.Input[1 - constant], node.OpType is "Mul" or "Div", values, tensor)
                : null;
        }

        return null;
    }

    public double ValueOf(int channel) => Values[Values.Length == 1 ? 0 : channel];

    /// <summary>
    /// Whether the input has the axes and the channels of the output. A constant may widen it: then a convolution that took the constant in
    /// would be given too little.
    /// </summary>
    /// <param name="shape">The shape of the input; null: not known.</param>
    /// <param name="rank">The number of axes of the output.</param>
    /// <param name="channels">The channels of the output.</param>
    public bool KeepsShape(long?[]? shape, int rank, int channels)
    {
        if (shape is not null) return shape.Length == rank && (Values.Length == 1 || shape[1] == channels);
        return Constant.Dims.Count < rank && Values.Length == 1;
    }

    /// <summary>Null if the constant is not the same for all that lies in a channel.</summary>
    private static double[]? ValuesOf(TensorProto tensor, int rank, int channels)
    {
        if (TensorData.TypeOf(tensor) != DataType.Float || tensor.Dims.Count > rank) return null;
        for (var i = 0; i < tensor.Dims.Count; i++)
        {
            var isChannel = rank - tensor.Dims.Count + i == 1;
            if (tensor.Dims[i] != 1 && !(isChannel && tensor.Dims[i] == channels)) return null;
        }

        return [.. TensorData.Floats(tensor).Select(static value => (double)value)];
    }
}
