using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Writes two convolutions of 1 x 1 with nothing between them as one, if that multiplies less. A pair that narrows and widens again without
/// an activation is one matrix. Exact but for rounding.
/// </summary>
internal sealed class PointwiseMerger
{
    private readonly GraphProto _graph;
    private readonly GraphIndex _index;
    private readonly NameAllocator _names;
    private readonly HashSet<NodeProto> _gone = new(ReferenceEqualityComparer.Instance);

    private PointwiseMerger(GraphProto graph, NameAllocator names)
    {
        _graph = graph;
        _index = new(graph);
        _names = names;
    }

    public static void Run(ModelProto model, List<string> steps)
    {
        var names = new NameAllocator(model);
        var count = Graphs.Of(model).ToArray().Sum(graph => new PointwiseMerger(graph, names).Merge());
        if (count > 0) steps.Add($"Merged {count} convolutions of 1 x 1 into the ones behind them.");
    }

    private int Merge()
    {
        foreach (var second in _graph.Node)
        {
            if (_index.ProducerOf(second.Input.FirstOrDefault() ?? "") is not { } first || _gone.Contains(first)) continue;
            if (!IsPointwise(first, mayStride: true) || !IsPointwise(second, mayStride: false)
                || !ReferenceEquals(_index.SoleReaderOf(first.Output[0]), second))
                continue;
            Merge(first, second);
        }

        if (_gone.Count == 0) return 0;
        var removed = _gone.Select(static node => node.Output[0]).ToHashSet(StringComparer.Ordinal);
        NodeProto[] left = [.. _graph.Node.Where(node => !_gone.Contains(node))];
        _graph.Node.Clear();
        _graph.Node.Add(left);
        ValueInfoProto[] kept = [.. _graph.ValueInfo.Where(info => !removed.Contains(info.Name))];
        _graph.ValueInfo.Clear();
        _graph.ValueInfo.Add(kept);
        return _gone.Count;
    }

    private void Merge(NodeProto first, NodeProto second)
    {
        var (narrow, wide) = (_index.ConstantOf(first.Input[1])!, _index.ConstantOf(second.Input[1])!);
        var (inputs, between, outputs) = ((int)narrow.Dims[1], (int)narrow.Dims[0], (int)wide.Dims[0]);
        if (wide.Dims[1] != between || (long)outputs * inputs > (long)between * (inputs + outputs)) return;
        float[] a = TensorData.Floats(narrow), b = TensorData.Floats(wide);
        double[] biasOfFirst = Bias(first, between), bias = Bias(second, outputs);
        var weights = new double[outputs * inputs];
        for (var output = 0; output < outputs; output++)
        {
            for (var middle = 0; middle < between; middle++)
            {
                double factor = b[(output * between) + middle];
                bias[output] += factor * biasOfFirst[middle];
                for (var input = 0; input < inputs; input++)
                    weights[(output * inputs) + input] += factor * a[(middle * inputs) + input];
            }
        }

        var (weightName, biasName) = (_names.Next("w"), _names.Next("b"));
        _graph.Initializer.Add(TensorData.Make(weightName, Floats(weights), [outputs, inputs, .. narrow.Dims.Skip(2)]));
        _graph.Initializer.Add(TensorData.Make(biasName, Floats(bias), outputs));
        second.Input.Clear();
        second.Input.Add([first.Input[0], weightName, biasName]);
        if (Nodes.Find(first, "strides") is { } strides)
        {
            Nodes.Remove(second, "strides");
            second.Attribute.Add(strides.Clone());
        }

        _gone.Add(first);
    }

    private bool IsPointwise(NodeProto node, bool mayStride) =>
        Nodes.Is(node, "Conv") && node.Output.Count == 1 && Nodes.Int(node, "group", 1) == 1 && !Nodes.Pads(node)
        && (mayStride || Nodes.Ints(node, "strides")?.All(static stride => stride == 1) != false)
        && FloatsOf(node.Input[1]) is { Dims.Count: > 2 } weight && weight.Dims.Skip(2).All(static size => size == 1)
        && (node.Input.Count < 3 || node.Input[2].Length == 0
            || FloatsOf(node.Input[2]) is { } bias && TensorData.CountOf(bias) == weight.Dims[0]);

    private TensorProto? FloatsOf(string name) =>
        _index.ConstantOf(name) is { } tensor && TensorData.TypeOf(tensor) == DataType.Float ? tensor : null;

    private double[] Bias(NodeProto node, int channels) =>
        node.Input.Count > 2 && node.Input[2].Length > 0
            ? [.. TensorData.Floats(_index.ConstantOf(node.Input[2])!).Select(static value => (double)value)]
            : new double[channels];

    private static float[] Floats(double[] values) => [.. values.Select(static value => (float)value)];
}
