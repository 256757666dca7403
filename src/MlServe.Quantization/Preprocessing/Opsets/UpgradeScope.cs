using System.Buffers.Binary;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>The upgrade of one node: takes the nodes that stand in its place, makes constants, and knows the types of values.</summary>
internal sealed class UpgradeScope(ModelProto model, long from, int target)
{
    private readonly Dictionary<string, TensorProto> _constants = new(StringComparer.Ordinal);
    private readonly List<TensorProto> _made = [];
    private readonly NameAllocator _names = new(model);
    private readonly ValueTypes _types = ValueTypes.Of(model);
    private GraphProto _graph = model.Graph;
    private int _version;

    /// <summary>
    /// The constants that were made, in the order in which they were; they belong to the main graph, so that subgraphs see them too.
    /// </summary>
    public IEnumerable<TensorProto> Constants => _made;

    /// <summary>How many nodes of each operator were changed.</summary>
    public SortedDictionary<string, int> Changed { get; } = new(StringComparer.Ordinal);

    public void Enter(GraphProto graph, int version)
    {
        _graph = graph;
        _version = version;
    }

    public void Apply(Upgrade change, NodeProto node)
    {
        var operation = node.OpType;
        change(node, this);
        Changed[operation] = Changed.GetValueOrDefault(operation) + 1;
    }

    /// <summary>Adds a node at the place of the node that is upgraded.</summary>
    public void Add(NodeProto node) => _graph.Node.Add(node);

    public string NewName(string prefix) => _names.Next(prefix);

    public string Integers(params ReadOnlySpan<long> values) => Constant(TensorData.Make("", values, values.Length));

    public string Floats(params ReadOnlySpan<float> values) => Constant(TensorData.Make("", values, values.Length));

    public string Integer(long value) => Constant(TensorData.Make("", [value]));

    public string Float(float value) => Constant(TensorData.Scalar("", value));

    /// <summary>A scalar of the type that another value has.</summary>
    public string ScalarLike(NodeProto node, string value, float number)
    {
        var type = _types.ElementOf(value) ?? throw Refuse(node, $"the element type of its input '{value}' is not known");
        var bytes = new byte[sizeof(double)];
        var size = type switch
        {
            DataType.Float when BinaryPrimitives.TryWriteSingleLittleEndian(bytes, number) => sizeof(float),
            DataType.Double when BinaryPrimitives.TryWriteDoubleLittleEndian(bytes, number) => sizeof(double),
            DataType.Float16 when BinaryPrimitives.TryWriteHalfLittleEndian(bytes, (Half)number) => 2,
            _ => throw Refuse(node, $"its input '{value}' is {type}"),
        };
        return Constant(TensorData.Make("", type, bytes.AsSpan(0, size), []));
    }

    /// <summary>The number of axes of a value; null if it is not known.</summary>
    public int? RankOf(string value) => _types.RankOf(value);

    /// <summary>The values of a float constant; null if it is none.</summary>
    public float[]? FloatsOf(string value) =>
        (_made.Find(made => made.Name == value) ?? _types.ConstantOf(value)) is { } tensor && TensorData.TypeOf(tensor) == DataType.Float
            ? TensorData.Floats(tensor)
            : null;

    /// <summary>How many elements a constant has; null if it is none.</summary>
    public long? CountOf(string value) => _types.ConstantOf(value) is { } tensor ? TensorData.CountOf(tensor) : null;

    /// <summary>Whether anything reads a value.</summary>
    public bool IsRead(string value) => value.Length > 0 && _types.IsRead(value);

    public QuantizationException Refuse(NodeProto node, string why) => new(QuantizationFailure.UnsupportedOpset,
        $"Node '{Nodes.NameOf(node)}' ({node.OpType} of operator set {from}) cannot be raised past operator set {_version}, which changed "
        + $"its meaning: {why}. " +
        $"Export the model anew with operator set {target} or higher.");

    private string Constant(TensorProto tensor)
    {
        var key = $"{tensor.DataType}:{tensor.Dims}:{tensor.RawData.ToBase64()}";
        if (_constants.TryGetValue(key, out var known)) return known.Name;
        tensor.Name = _names.Next("c");
        _constants.Add(key, tensor);
        _made.Add(tensor);
        return tensor.Name;
    }
}
