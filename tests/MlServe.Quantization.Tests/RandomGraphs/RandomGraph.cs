using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.RandomGraphs;

/// <summary>
/// A small model that is drawn from a seed: operators that are rewritten, with constants of all shapes that broadcast, those that widen a
/// value among them, and what exporters do to a graph beside. A length of -1 is that of the rows, which callers choose.
/// </summary>
internal sealed partial class RandomGraph
{
    private const int MaxElements = 4096;

    private readonly Random _random;
    private readonly GraphProto _graph = new() { Name = "random" };
    private readonly List<(string Name, long[] Shape)> _values = [];
    private readonly Dictionary<string, TensorProto> _constants = new(StringComparer.Ordinal);
    private readonly int _opset;
    private int _next;

    private RandomGraph(int seed)
    {
        _random = new(seed);
        _opset = Pick(9, 11, 12, 13, 13, 17);
    }

    public static ModelProto Make(int seed) => new RandomGraph(seed).Make();

    private ModelProto Make()
    {
        var steps = _random.Next(2, 9);
        var current = Begin();
        for (var i = 0; i < steps; i++)
        {
            var next = current.Shape.Length switch
            {
                4 => StepOnImage(current),
                3 => StepOnSequence(current),
                2 => StepOnMatrix(current),
                _ => StepOnFewAxes(current),
            };
            if (next.Shape.Aggregate(1L, static (count, size) => count * Math.Abs(size)) > MaxElements) break;
            current = next;
            _values.Add(current);
        }

        _graph.Output.Add(Info(current.Name, DataType.Float, current.Shape));
        if (_values.Count > 2 && Chance(0.25))
        {
            var other = Pick(_values.SkipLast(1).Where(value => _graph.Input.All(input => input.Name != value.Name)).ToList());
            if (other.Name is not null) _graph.Output.Add(Info(other.Name, DataType.Float, other.Shape));
        }

        var model = new ModelProto { IrVersion = 7, Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = _opset });
        Disturb(model);
        return model;
    }

    private (string Name, long[] Shape) Begin()
    {
        var channels = Pick(1, 1, 2, 3, 4, 8);
        long[] shape = _random.Next(8) switch
        {
            0 or 1 or 2 or 3 => [Chance(0.7) ? -1 : 2, channels, Pick(1, 4, 6, 8), Pick(1, 4, 6)],
            4 => [-1, Pick(1, 3, 5), Pick(4, 8, 16)],
            5 => [channels, Pick(4, 6), 4],
            6 => [-1, Pick(1, 8, 16, 32)],
            _ => Chance(0.5) ? [Pick(4, 8)] : [],
        };
        if (Chance(0.1)) return Embedding();
        if (Chance(0.15)) return Widened();
        _graph.Input.Add(Info("x", DataType.Float, shape));
        _values.Add(("x", shape));
        return ("x", shape);
    }

    /// <summary>A picture of one channel, or without rows, that constants make more of before a convolution reads it.</summary>
    private (string Name, long[] Shape) Widened()
    {
        var channels = Pick(2L, 3, 4);
        long[] shape = Chance(0.6) ? [-1, 1, 6, 4] : [Pick(1, channels), 6, 4];
        _graph.Input.Add(Info("x", DataType.Float, shape));
        var value = Node(Pick("Mul", "Add", "Sub"), ["x", Constant(Weights([channels]), 1, channels, 1, 1)]);
        if (Chance(0.5)) value = Node("Add", [value, Constant(Weights([1]))]);
        return Conv((value, shape.Length == 4 ? [-1, channels, 6, 4] : [1, channels, 6, 4]), pointwise: Chance(0.5));
    }

    private (string Name, long[] Shape) Embedding()
    {
        _graph.Input.Add(Info("x", DataType.Int64, [-1, 4]));
        if (Chance(0.5))
        {
            long[] table = [8, Pick(16, 32, 64)];
            return (Node("Gather", [Constant(Weights(table), table), "x"]), [-1, 4, table[1]]);
        }

        long[] columns = [Pick(16, 32), 8];
        return (Node("Gather", [Constant(Weights(columns), columns), "x"], Nodes.Int("axis", Pick(1, -1))), [columns[0], -1, 4]);
    }

    private (string Name, long[] Shape) StepOnImage((string Name, long[] Shape) value)
    {
        var shape = value.Shape;
        return _random.Next(14) switch
        {
            0 or 1 or 2 => Conv(value, pointwise: Chance(0.5)),
            3 or 4 or 5 => Affine(value),
            6 => HardSwish(value),
            7 => Activation(value),
            8 => Normalize(value),
            9 => Squeeze(value),
            10 =>
                (Node(
                    "MaxPool", [value.Name], Nodes.Ints("kernel_shape", 2, 1), Nodes.Ints("strides", 1, 1), Nodes.Ints("pads", 1, 0, 0, 0)),
                    shape),
            11 when shape[0] == -1 => (Node("Flatten", [value.Name], Nodes.Int("axis", 1)), [-1, shape[1] * shape[2] * shape[3]]),
            12 => Sum(value),
            _ => (Node("Transpose", [value.Name], Nodes.Ints("perm", 0, 1, 3, 2)), [shape[0], shape[1], shape[3], shape[2]]),
        };
    }

    private (string Name, long[] Shape) StepOnSequence((string Name, long[] Shape) value)
    {
        var shape = value.Shape;
        return _random.Next(8) switch
        {
            0 or 1 => MatMul(value),
            2 => Affine(value),
            3 => HardSwish(value),
            4 => Activation(value),
            5 when shape[0] > 0 || shape[1] > 0 => Conv1(value),
            6 => Softmax(value),
            _ => Sum(value),
        };
    }

    private (string Name, long[] Shape) StepOnMatrix((string Name, long[] Shape) value) => _random.Next(8) switch
    {
        0 or 1 => Gemm(value),
        2 => MatMul(value),
        3 => Affine(value),
        4 => HardSwish(value),
        5 => Softmax(value),
        6 => Activation(value),
        _ => Sum(value),
    };

    private (string Name, long[] Shape) StepOnFewAxes((string Name, long[] Shape) value) => _random.Next(4) switch
    {
        0 when value.Shape.Length == 1 => MatMul(value),
        1 => HardSwish(value),
        2 => Affine(value),
        _ => Activation(value),
    };

    private string Node(string operation, string[] inputs, params AttributeProto[] attributes)
    {
        var output = $"v{_next++}";
        _graph.Node.Add(Nodes.Make(operation, inputs, [output], Chance(0.8) ? $"n_{output}" : "", attributes));
        return output;
    }

    private string Constant(float[] values, params long[] shape)
    {
        var name = $"k{_next++}";
        var tensor = TensorData.Make(name, values, shape);
        _constants.Add(name, tensor);
        _graph.Initializer.Add(tensor);
        return name;
    }

    private string Integers(params long[] values)
    {
        var name = $"k{_next++}";
        _graph.Initializer.Add(TensorData.Make(name, values, values.Length));
        return name;
    }

    /// <summary>Random weights, one channel or all of another size now and then.</summary>
    private float[] Weights(long[] shape)
    {
        var values = new float[shape.Aggregate(1L, static (count, size) => count * size)];
        var scale = _random.Next(20) switch { 0 => 1e-8f, 1 => 1e3f, _ => 1f };
        for (var i = 0; i < values.Length; i++)
            values[i] = ((_random.NextSingle() * 2) - 1) * scale;
        return values;
    }

    private ValueInfoProto Info(string name, DataType type, long[] shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new() };
        foreach (var size in shape)
            tensor.Shape.Dim.Add(size < 0
                ? Chance(0.7) || _graph.Input.Count > 0 ? new TensorShapeProto.Types.Dimension { DimParam = "n" } : new()
                : new() { DimValue = size });
        return new() { Name = name, Type = new() { TensorType = tensor } };
    }

    private bool Chance(double share) => _random.NextDouble() < share;

    private T Pick<T>(params IReadOnlyList<T> choices) => choices.Count == 0 ? default! : choices[_random.Next(choices.Count)];
}
