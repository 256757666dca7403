using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// The types of the values that upgrades ask for. They come from the model's declarations, from ONNX Runtime for the main graph, and in
/// subgraphs by following operators that keep a type. A name that two subgraphs give to values of two types has none.
/// </summary>
internal sealed class ValueTypes
{
    private static readonly HashSet<string> Asking =
        ["Clip", "Pad", "Softmax", "LogSoftmax", "Hardmax", "PRelu", "Add", "Sub", "Mul", "Div", "Pow"];

    private static readonly HashSet<string> TypeKeeping =
    [
        "Abs", "Add", "AveragePool", "BatchNormalization", "Ceil", "Clip", "Concat", "Conv", "ConvTranspose", "Div", "Dropout", "Elu",
        "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "Identity",
        "InstanceNormalization", "LeakyRelu", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool",
        "Min", "Mul", "Neg", "PRelu", "Pad", "Pow", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Reshape",
        "Resize", "Sigmoid", "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose",
        "Unsqueeze", "Upsample",
    ];

    private readonly Dictionary<string, DataType?> _elements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int?> _ranks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorProto> _constants = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    private ValueTypes()
    {
    }

    public static ValueTypes Of(ModelProto model)
    {
        var types = new ValueTypes();
        GraphProto[] graphs = [.. Graphs.Of(model)];
        foreach (var graph in graphs)
            types.Declare(graph);
        types.Infer(model);
        foreach (var graph in graphs)
            types.Follow(graph);
        return types;
    }

    public DataType? ElementOf(string value) => _elements.GetValueOrDefault(value);

    public int? RankOf(string value) => _ranks.GetValueOrDefault(value);

    public TensorProto? ConstantOf(string value) => _constants.GetValueOrDefault(value);

    public bool IsRead(string value) => _read.Contains(value);

    private void Declare(GraphProto graph)
    {
        var inputs = graph.Input.Select(static input => input.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var tensor in graph.Initializer)
        {
            Learn(tensor.Name, TensorData.TypeOf(tensor), tensor.Dims.Count);
            if (!inputs.Contains(tensor.Name)) _constants.TryAdd(tensor.Name, tensor);
        }

        foreach (var value in graph.Input.Concat(graph.ValueInfo).Concat(graph.Output))
        {
            if (value.Type?.TensorType is { ElemType: not 0 } tensor && !_constants.ContainsKey(value.Name))
                Learn(value.Name, (DataType)tensor.ElemType, tensor.Shape?.Dim.Count);
        }

        _read.UnionWith(graph.Output.Select(static output => output.Name));
        foreach (var node in graph.Node)
            _read.UnionWith(node.Input);
    }

    /// <summary>Declared shapes may be wrong, and the runtime works with those that it infers.</summary>
    private void Infer(ModelProto model)
    {
        HashSet<string> made = [.. model.Graph.Node.SelectMany(static node => node.Output)];
        HashSet<string> wanted =
        [
            .. model.Graph.Node.Where(static node => Nodes.IsStandard(node) && Asking.Contains(node.OpType))
                .SelectMany(static node => node.Input)
                .Where(made.Contains),
        ];
        if (wanted.Count == 0) return;
        try
        {
            foreach (var (name, (element, rank)) in TypeInference.Run(model, wanted))
            {
                _elements[name] = element;
                _ranks[name] = rank;
            }
        }
        catch (QuantizationException)
        {
            // The runtime has no kernels for operators that old; the raised model may run all the same, and what is declared has to do.
        }
    }

    private void Follow(GraphProto graph)
    {
        foreach (var node in graph.Node)
        {
            if (node.Input.Count == 0 || !TypeKeeping.Contains(node.OpType) || ElementOf(node.Input[0]) is not { } element) continue;
            foreach (var output in node.Output.Take(node.OpType == "Split" ? int.MaxValue : 1))
                _elements.TryAdd(output, element);
        }
    }

    private void Learn(string name, DataType element, int? rank)
    {
        if (!_elements.TryAdd(name, element) && _elements[name] != element) _elements[name] = null;
        if (!_ranks.TryAdd(name, rank) && _ranks[name] != rank) _ranks[name] = null;
    }
}
