using MlServe.Quantization.Model;
using MlServe.Quantization.Preprocessing.Shapes;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Takes multiplications and additions of constants into the weights and biases of the convolutions before and behind them, if ONNX Runtime
/// leaves them. Such are learned scales and shifts around activations, say. A convolution pads with 0, so an addition before one that pads
/// stays, and is written before the multiplication.
/// </summary>
internal sealed class AffineFolder
{
    private readonly GraphProto _graph;
    private readonly GraphIndex _index;
    private readonly NameAllocator _names;
    private readonly KnownShapes _shapes;
    private readonly HashSet<NodeProto> _gone = new(ReferenceEqualityComparer.Instance);

    private AffineFolder(GraphProto graph, NameAllocator names, KnownShapes shapes)
    {
        _graph = graph;
        _index = new(graph);
        _names = names;
        _shapes = shapes;
    }

    public static void Run(ModelProto model, List<string> steps)
    {
        var names = new NameAllocator(model);

        // What stands between two convolutions belongs to the first; the second sees the graph without it.
        GraphProto[] graphs = [.. Graphs.Of(model)];
        var behind = new KnownShapes(model);
        var count = graphs.Sum(graph => new AffineFolder(graph, names, behind).Fold(isBehind: true));
        var ahead = new KnownShapes(model);
        count += graphs.Sum(graph => new AffineFolder(graph, names, ahead).Fold(isBehind: false));
        if (count > 0) steps.Add($"Took {count} multiplications and additions of constants into the weights of convolutions.");
    }

    private int Fold(bool isBehind)
    {
        foreach (var node in _graph.Node)
        {
            if (FoldableConv.Find(node, _index) is not { } conv) continue;
            if (isBehind) FoldBehind(conv);
            else FoldAhead(conv);
        }

        if (_gone.Count == 0) return 0;
        NodeProto[] left = [.. _graph.Node.Where(node => !_gone.Contains(node))];
        _graph.Node.Clear();
        _graph.Node.Add(left);
        DropInfo(left);
        return _gone.Count;
    }

    private void FoldBehind(FoldableConv conv)
    {
        var output = conv.Node.Output[0];
        var isChanged = false;
        while (ChannelAffine.Match(_index.SoleReaderOf(output), conv.Rank, conv.Outputs, _index) is { } affine && affine.Input == output)
        {
            if (affine.IsFactor) conv.ScaleOutputs(affine);
            else conv.ShiftOutputs(affine);
            output = affine.Node.Output[0];
            _gone.Add(affine.Node);
            isChanged = true;
        }

        if (!isChanged) return;
        conv.Node.Output[0] = output;
        conv.Write(_graph, _names);
    }

    private void FoldAhead(FoldableConv conv)
    {
        var input = conv.Node.Input[0];
        var isChanged = false;
        ChannelAffine? kept = null;
        while (_index.SoleReaderOf(input) is not null
            && ChannelAffine.Match(_index.ProducerOf(input), conv.Rank, conv.Inputs, _index) is { } affine
            && affine.KeepsShape(_shapes.Find(_graph, affine.Input), conv.Rank, conv.Inputs))
        {
            if (kept is null && !affine.IsFactor && conv.Pads)
            {
                kept = affine;
                input = affine.Input;
                continue;
            }

            // Several additions around one that stays are not met with; a factor of 0 cannot be taken out of what is added behind it.
            if (kept is not null && (!affine.IsFactor || affine.Values.Any(static value => Math.Abs(value) < 1e-6))) break;
            if (affine.IsFactor) conv.ScaleInputs(affine);
            else conv.ShiftInputs(affine);
            if (kept is not null) kept = kept with { Values = Divide(kept, affine, conv.Inputs) };
            input = affine.Input;
            _gone.Add(affine.Node);
            isChanged = true;
        }

        if (!isChanged) return;
        if (kept is not null) Rewrite(kept, input, conv.Rank);
        conv.Node.Input[0] = kept?.Node.Output[0] ?? input;
        conv.Write(_graph, _names);
    }

    private static double[] Divide(ChannelAffine shift, ChannelAffine factor, int channels)
    {
        var count = shift.Values.Length == 1 && factor.Values.Length == 1 ? 1 : channels;
        return [.. Enumerable.Range(0, count).Select(channel => shift.ValueOf(channel) / factor.ValueOf(channel))];
    }

    private void Rewrite(ChannelAffine shift, string input, int rank)
    {
        var name = _names.Next("s");
        float[] values = [.. shift.Values.Select(static value => (float)value)];
        long[] shape = values.Length == 1 ? [1] : [values.Length, .. Enumerable.Repeat(1L, rank - 2)];
        _graph.Initializer.Add(TensorData.Make(name, values, shape));
        shift.Node.OpType = "Add";
        shift.Node.Input[0] = input;
        shift.Node.Input[1] = name;
    }

    private void DropInfo(NodeProto[] left)
    {
        var made = left.SelectMany(static node => node.Output).ToHashSet(StringComparer.Ordinal);
        var removed = _gone.SelectMany(static node => node.Output.Concat(node.Input))
            .Where(value => _index.ProducerOf(value) is not null && !made.Contains(value))
            .ToHashSet(StringComparer.Ordinal);
        ValueInfoProto[] kept = [.. _graph.ValueInfo.Where(info => !removed.Contains(info.Name))];
        _graph.ValueInfo.Clear();
        _graph.ValueInfo.Add(kept);
    }
}
