using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Writes convolutions of 1 x 1 behind a global pooling, as squeeze-and-excitation has them (J. Hu et al., 2017), as the matrix products
/// that they are. There is one place to work on, and ONNX Runtime's preparation for fast convolutions costs more than they do. Exact but
/// for the order of additions.
/// </summary>
internal sealed class PooledConvs
{
    private static readonly HashSet<string> Activations =
        ["Clip", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh"];

    private readonly GraphProto _graph;
    private readonly GraphIndex _index;
    private readonly NameAllocator _names;
    private readonly Dictionary<NodeProto, NodeProto> _ahead = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<NodeProto, NodeProto> _behind = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
    private int _count;

    private PooledConvs(GraphProto graph, NameAllocator names)
    {
        _graph = graph;
        _index = new(graph);
        _names = names;
    }

    public static void Run(ModelProto model, List<string> steps)
    {
        var names = new NameAllocator(model);
        var count = Graphs.Of(model).ToArray().Sum(graph => new PooledConvs(graph, names).Rewrite());
        if (count > 0) steps.Add($"Wrote {count} convolutions behind a global pooling as matrix products.");
    }

    private int Rewrite()
    {
        foreach (var node in _graph.Node)
        {
            if ((Nodes.Is(node, "GlobalAveragePool") || Nodes.Is(node, "GlobalMaxPool")) && ChainBehind(node) is { Count: > 0 } chain)
                Rewrite(chain);
        }

        if (_count == 0) return 0;
        NodeProto[] nodes = [.. _graph.Node.SelectMany(node =>
            (NodeProto?[])[_ahead.GetValueOrDefault(node), node, _behind.GetValueOrDefault(node)]).OfType<NodeProto>()];
        _graph.Node.Clear();
        _graph.Node.Add(nodes);
        ValueInfoProto[] kept = [.. _graph.ValueInfo.Where(info => !_changed.Contains(info.Name))];
        _graph.ValueInfo.Clear();
        _graph.ValueInfo.Add(kept);
        return _count;
    }

    /// <summary>
    /// Convolutions and the elementwise operators between and behind them, each the only reader of the one before. None without a
    /// convolution at the head.
    /// </summary>
    private List<NodeProto> ChainBehind(NodeProto pool)
    {
        var chain = new List<NodeProto>();
        var value = pool.Output[0];
        while (_index.SoleReaderOf(value) is { Output.Count: 1 } reader && reader.Input[0] == value)
        {
            if (!IsPointwise(reader) && (chain.Count == 0 || !Nodes.IsStandard(reader) || !Activations.Contains(reader.OpType))) break;
            chain.Add(reader);
            value = reader.Output[0];
        }

        return chain;
    }

    private void Rewrite(List<NodeProto> chain)
    {
        var rank = _index.ConstantOf(chain[0].Input[1])!.Dims.Count;
        var (flat, axes, last) = (_names.Next("f"), _names.Next("a"), chain[^1]);
        _ahead.Add(chain[0], Nodes.Make("Flatten", [chain[0].Input[0]], [flat], _names.Next("Flatten"), Nodes.Int("axis", 1)));
        chain[0].Input[0] = flat;
        foreach (var conv in chain.Where(static node => node.OpType == "Conv"))
            ToGemm(conv);
        var end = last.Output[0];
        _changed.UnionWith(chain.SkipLast(1).Select(static node => node.Output[0]));
        last.Output[0] = _names.Next("g");
        _graph.Initializer.Add(TensorData.Make(axes, [.. Enumerable.Range(2, rank - 2).Select(static axis => (long)axis)], rank - 2));
        _behind.Add(last, Nodes.Make("Unsqueeze", [last.Output[0], axes], [end], _names.Next("Unsqueeze")));
    }

    private void ToGemm(NodeProto conv)
    {
        var weight = _index.ConstantOf(conv.Input[1])!;
        var name = _names.Next("w");
        _graph.Initializer.Add(TensorData.Make(name, TensorData.Floats(weight), weight.Dims[0], weight.Dims[1]));
        conv.OpType = "Gemm";
        conv.Input[1] = name;
        conv.Attribute.Clear();
        conv.Attribute.Add(Nodes.Int("transB", 1));
        _count++;
    }

    private bool IsPointwise(NodeProto node) =>
        Nodes.Is(node, "Conv") && Nodes.Int(node, "group", 1) == 1 && !Nodes.Pads(node) && (node.Input.Count is 2 or 3)
        && node.Input.All(static input => input.Length > 0)
        && FloatsOf(node.Input[1]) is { Dims.Count: > 2 } weight && weight.Dims.Skip(2).All(static size => size == 1)
        && (node.Input.Count == 2 || (FloatsOf(node.Input[2]) is { } bias && TensorData.CountOf(bias) == weight.Dims[0]));

    private TensorProto? FloatsOf(string name) =>
        _index.ConstantOf(name) is { } tensor && TensorData.TypeOf(tensor) == DataType.Float ? tensor : null;
}
