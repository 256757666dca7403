using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing.Shapes;

/// <summary>
/// Follows the shapes of values through convolutions, poolings and elementwise operators, with symbols for the lengths that only callers
/// know. ONNX's own inference forgets these at the first convolution. If two lengths have one symbol they are the same for all inputs of
/// the model.
/// </summary>
internal sealed class SymbolicShapes
{
    private static readonly HashSet<string> Elementwise =
    [
        "Abs", "BatchNormalization", "Clip", "Dropout", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log",
        "Mish", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Tanh",
    ];

    private readonly GraphIndex _index;
    private readonly Dictionary<string, (Axis[] Axes, DataType Element)> _shapes = new(StringComparer.Ordinal);
    private readonly Dictionary<(int Symbol, Window Window), int> _moved = [];
    private int _symbols;

    public SymbolicShapes(GraphProto graph)
    {
        _index = new(graph);
        foreach (var tensor in graph.Initializer)
        {
            if (_index.ConstantOf(tensor.Name) is not null)
                _shapes.TryAdd(tensor.Name, ([.. tensor.Dims.Select(Axis.Of)], TensorData.TypeOf(tensor)));
        }

        foreach (var input in graph.Input)
        {
            if (input.Type?.TensorType is not { Shape: { } shape } type || _index.IsInitializer(input.Name)) continue;
            _shapes.TryAdd(
                input.Name, ([.. shape.Dim.Select(dim => dim.DimValue > 0 ? Axis.Of(dim.DimValue) : Fresh())], (DataType)type.ElemType));
        }

        foreach (var node in graph.Node)
        {
            if (Nodes.IsStandard(node) && node.Input.Count > 0 && node.Output.Count > 0 && ShapeOf(node) is { } axes)
                _shapes.TryAdd(node.Output[0], (axes, _shapes[node.Input[0]].Element));
        }
    }

    /// <summary>Null if it is not known.</summary>
    public (Axis[] Axes, DataType Element)? Find(string value) => _shapes.TryGetValue(value, out var shape) ? shape : null;

    private Axis[]? ShapeOf(NodeProto node)
    {
        if (!_shapes.TryGetValue(node.Input[0], out var first)) return null;
        if (Elementwise.Contains(node.OpType)) return first.Axes;
        switch (node.OpType)
        {
            case "Conv":
                if (node.Input.Count < 2 || !_shapes.TryGetValue(node.Input[1], out var weight) || weight.Axes.Length < 3
                    || !weight.Axes.All(static axis => axis.IsKnown))
                    return null;
                return Move(first.Axes, weight.Axes[0], Window.Of(node, [.. weight.Axes[2..].Select(static axis => axis.Length)]));
            case "MaxPool" or "AveragePool" when first.Axes.Length > 2:
                return Move(first.Axes, first.Axes[1], Window.Of(node, null));
            case "GlobalAveragePool" or "GlobalMaxPool" when first.Axes.Length > 2:
                return [.. first.Axes[..2], .. Enumerable.Repeat(Axis.Of(1), first.Axes.Length - 2)];
            case "Add" or "Sub" or "Mul" or "Div" when node.Input.Count == 2:
                return _shapes.TryGetValue(node.Input[1], out var second) ? Broadcast(first.Axes, second.Axes) : null;
            case "Flatten" when first.Axes.Length > 1 && Nodes.Int(node, "axis", 1) == 1:
                return [first.Axes[0],
                    first.Axes[1..].All(static axis => axis.IsKnown)
                        ? Axis.Of(first.Axes[1..].Aggregate(1L, static (product, axis) => product * axis.Length))
                        : Fresh()];
            case "Gemm" when first.Axes.Length == 2 && Nodes.Int(node, "transA", 0) == 0 && node.Input.Count > 1:
                return _shapes.TryGetValue(node.Input[1], out var matrix) && matrix.Axes.Length == 2
                    ? [first.Axes[0], matrix.Axes[Nodes.Int(node, "transB", 0) == 0 ? 1 : 0]]
                    : null;
            case "Unsqueeze" when node.Input.Count == 2 && _index.ConstantOf(node.Input[1]) is { } axes:
                return Unsqueeze(first.Axes, TensorData.Integers(axes));
            default:
                return null;
        }
    }

    private static Axis[]? Unsqueeze(Axis[] axes, long[] inserted)
    {
        List<Axis> result = [.. axes];
        var rank = axes.Length + inserted.Length;
        foreach (var at in inserted.Select(axis => axis < 0 ? axis + rank : axis).Order())
        {
            if (at < 0 || at > result.Count) return null;
            result.Insert((int)at, Axis.Of(1));
        }

        return [.. result];
    }

    private Axis[]? Move(Axis[] axes, Axis channels, Window[]? windows)
    {
        if (windows is null || windows.Length + 2 != axes.Length) return null;
        return [axes[0], channels, .. windows.Select((window, i) => Move(axes[i + 2], window))];
    }

    private Axis Move(Axis axis, Window window)
    {
        if (window.KeepsLength) return axis;

        // A known length that changes is known to ONNX's inference too; here it need only be told from others.
        var key = (axis.IsKnown ? -checked((int)Math.Min(axis.Length, int.MaxValue)) : axis.Symbol, window);
        if (!_moved.TryGetValue(key, out var symbol)) _moved.Add(key, symbol = Fresh().Symbol);
        return new(0, symbol);
    }

    private Axis[] Broadcast(Axis[] a, Axis[] b)
    {
        var result = new Axis[Math.Max(a.Length, b.Length)];
        for (var i = 1; i <= result.Length; i++)
        {
            var (left, right) = (i <= a.Length ? a[^i] : Axis.Of(1), i <= b.Length ? b[^i] : Axis.Of(1));
            result[^i] = left == right || right == Axis.Of(1) || (left.IsKnown && left.Length > 1) ? left
                : left == Axis.Of(1) || (right.IsKnown && right.Length > 1) ? right
                : Fresh();
        }

        return result;
    }

    private Axis Fresh() => new(0, ++_symbols);
}
