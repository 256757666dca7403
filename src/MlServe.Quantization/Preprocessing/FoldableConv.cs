using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>A convolution whose weights and bias are constants that nothing else reads.</summary>
internal sealed class FoldableConv
{
    private readonly TensorProto _weight;
    private readonly TensorProto? _bias;
    private readonly double[] _weights;
    private readonly double[] _biases;
    private readonly int _outputsPerGroup;

    private FoldableConv(NodeProto node, TensorProto weight, TensorProto? bias, int groups)
    {
        Node = node;
        _weight = weight;
        _bias = bias;
        _weights = [.. TensorData.Floats(weight).Select(static value => (double)value)];
        Outputs = checked((int)weight.Dims[0]);
        InputsPerGroup = checked((int)weight.Dims[1]);
        _outputsPerGroup = Outputs / groups;
        Inputs = InputsPerGroup * groups;
        _biases = bias is null ? new double[Outputs] : [.. TensorData.Floats(bias).Select(static value => (double)value)];
    }

    public NodeProto Node { get; }

    public int Rank => _weight.Dims.Count;

    public int Outputs { get; }

    public int Inputs { get; }

    /// <summary>Whether zeros are put around its input, or may be.</summary>
    public bool Pads => Nodes.Pads(Node);

    private int InputsPerGroup { get; }

    public static FoldableConv? Find(NodeProto node, GraphIndex index)
    {
        if (!Nodes.Is(node, "Conv") || node.Input.Count is < 2 or > 3 || node.Output.Count != 1) return null;
        if (OwnConstant(node.Input[1], index) is not { Dims.Count: >= 3 } weight) return null;
        var groups = Nodes.Int(node, "group", 1);
        if (groups < 1 || weight.Dims[0] < 1 || weight.Dims[0] % groups != 0 || TensorData.CountOf(weight) == 0) return null;
        TensorProto? bias = null;
        if (node.Input.Count == 3 && node.Input[2].Length > 0)
        {
            bias = OwnConstant(node.Input[2], index);
            if (bias is null || TensorData.CountOf(bias) != weight.Dims[0]) return null;
        }

        return new(node, weight, bias, checked((int)groups));
    }

    public void ScaleOutputs(ChannelAffine factor)
    {
        var perOutput = _weights.Length / Outputs;
        for (var i = 0; i < _weights.Length; i++)
            _weights[i] *= factor.ValueOf(i / perOutput);
        for (var i = 0; i < Outputs; i++)
            _biases[i] *= factor.ValueOf(i);
    }

    public void ShiftOutputs(ChannelAffine shift)
    {
        for (var i = 0; i < Outputs; i++)
            _biases[i] += shift.ValueOf(i);
    }

    public void ScaleInputs(ChannelAffine factor)
    {
        for (var i = 0; i < _weights.Length; i++)
            _weights[i] *= factor.ValueOf(InputOf(i).Input);
    }

    /// <summary>A constant that is added to the inputs comes out as a constant; only if nothing is padded.</summary>
    public void ShiftInputs(ChannelAffine shift)
    {
        for (var i = 0; i < _weights.Length; i++)
        {
            var (output, input) = InputOf(i);
            _biases[output] += _weights[i] * shift.ValueOf(input);
        }
    }

    public void Write(GraphProto graph, NameAllocator names)
    {
        Replace(graph, _weight, TensorData.Make(_weight.Name, Floats(_weights), [.. _weight.Dims]));
        if (_bias is not null)
        {
            Replace(graph, _bias, TensorData.Make(_bias.Name, Floats(_biases), Outputs));
            return;
        }

        var name = names.Next("b");
        graph.Initializer.Add(TensorData.Make(name, Floats(_biases), Outputs));
        if (Node.Input.Count == 3) Node.Input[2] = name;
        else Node.Input.Add(name);
    }

    private (int Output, int Input) InputOf(int weight)
    {
        var perOutput = _weights.Length / Outputs;
        var output = weight / perOutput;
        return (output, (output / _outputsPerGroup * InputsPerGroup) + (weight % perOutput / (perOutput / InputsPerGroup)));
    }

    private static float[] Floats(double[] values) => [.. values.Select(static value => (float)value)];

    private static void Replace(GraphProto graph, TensorProto old, TensorProto by) =>
        graph.Initializer[graph.Initializer.IndexOf(old)] = by;

    private static TensorProto? OwnConstant(string name, GraphIndex index) =>
        index.ConstantOf(name) is { } tensor && TensorData.TypeOf(tensor) == DataType.Float && index.UsesOf(name).Count == 1
            && !index.IsOutput(name) ? tensor : null;
}
