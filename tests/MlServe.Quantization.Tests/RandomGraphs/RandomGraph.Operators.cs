using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.RandomGraphs;

internal sealed partial class RandomGraph
{
    private (string Name, long[] Shape) Conv((string Name, long[] Shape) value, bool pointwise)
    {
        var inputs = value.Shape[1];
        if (value.Shape[1..].Any(static size => size < 0)) return Activation(value);
        var isGrouped = !pointwise && inputs > 1 && Chance(0.3);
        var outputs = isGrouped ? inputs * Pick(1, 2) : Pick(1L, 2, 4, 8, 16);
        long[] weight = [outputs, isGrouped ? 1 : inputs, pointwise ? 1 : 3, pointwise ? 1 : 3];
        var stride = Pick(1L, 1, 1, 2);
        var isPadded = !pointwise && (Chance(0.7) || value.Shape[2] < 3 || value.Shape[3] < 3);
        if (!pointwise && !isPadded) stride = 1;
        string[] given = [value.Name, Constant(Weights(weight), weight)];
        if (Chance(0.5)) given = [.. given, Constant(Weights([outputs]), outputs)];
        List<AttributeProto> attributes = [Nodes.Ints("kernel_shape", weight[2], weight[3]), Nodes.Ints("strides", stride, stride)];
        if (isGrouped) attributes.Add(Nodes.Int("group", inputs));
        if (isPadded) attributes.Add(Nodes.Ints("pads", 1, 1, 1, 1));
        long Length(long size) => ((size + (isPadded ? 2 : 0) - weight[2]) / stride) + 1;
        return (Node("Conv", given, [.. attributes]), [value.Shape[0], outputs, Length(value.Shape[2]), Length(value.Shape[3])]);
    }

    private (string Name, long[] Shape) Conv1((string Name, long[] Shape) value)
    {
        var outputs = Pick(2L, 4);
        long[] weight = [outputs, value.Shape[1] < 0 ? 1 : value.Shape[1], 1];
        if (value.Shape[1] < 0) return Activation(value);
        return (Node("Conv", [value.Name, Constant(Weights(weight), weight)], Nodes.Ints("kernel_shape", 1)),
            [value.Shape[0], outputs, value.Shape[2]]);
    }

    /// <summary>A constant of any shape that broadcasts: some of the axes, more axes, or longer where the value's is 1.</summary>
    private (string Name, long[] Shape) Affine((string Name, long[] Shape) value)
    {
        var shape = value.Shape;
        var rank = _random.Next(0, shape.Length + 1);
        if (shape.Length < 4 && Chance(0.15)) rank = shape.Length + 1;
        var constant = new long[rank];
        var result = rank > shape.Length ? (long[])[1, .. shape] : [.. shape];
        for (var i = 1; i <= rank; i++)
        {
            var size = i <= shape.Length ? shape[^i] : 1;
            constant[^i] = size < 0 || Chance(0.5) ? 1 : size == 1 && Chance(0.6) ? Pick(2, 3, 4) : size;
            if (size == 1) result[^i] = constant[^i];
        }

        var operation = Pick("Mul", "Add", "Sub", "Div");
        var values = Weights(constant);
        if (operation == "Div")
        {
            for (var i = 0; i < values.Length; i++)
                values[i] = values[i] >= 0 ? values[i] + 0.25f : values[i] - 0.25f;
        }

        string[] inputs = [value.Name, Constant(values, constant)];
        if (operation is "Mul" or "Add" && Chance(0.3)) inputs = [inputs[1], inputs[0]];
        return (Node(operation, inputs), result);
    }

    private (string Name, long[] Shape) HardSwish((string Name, long[] Shape) value)
    {
        var axes = 0;
        string Scalar(float number)
        {
            long[] shape = Chance(0.5) ? [] : Chance(0.9) ? [1] : [1, 1];
            axes = Math.Max(axes, shape.Length);
            return Constant([number], shape);
        }

        var clamped = Clip(Node("Add", [value.Name, Scalar(3)]), 0, 6);
        var product = Chance(0.3) ? clamped : Node("Mul", Chance(0.5) ? [value.Name, clamped] : [clamped, value.Name]);
        var last = Chance(0.5) ? Node("Div", [product, Scalar(6)]) : Node("Mul", [product, Scalar(1f / 6)]);
        return (last, [.. Enumerable.Repeat(1L, Math.Max(0, axes - value.Shape.Length)), .. value.Shape]);
    }

    private string Clip(string value, float low, float high)
    {
        if (_opset < 11) return Node("Clip", [value], Nodes.Float("min", low), Nodes.Float("max", high));
        if (Chance(0.2)) return Node("Min", [Node("Max", [value, Constant([low])]), Constant([high])]);
        return Node("Clip", [value, Constant([low]), Constant([high])]);
    }

    private (string Name, long[] Shape) Activation((string Name, long[] Shape) value) => (_random.Next(6) switch
    {
        0 => Node("Relu", [value.Name]),
        1 => Node("Sigmoid", [value.Name]),
        2 => Node("LeakyRelu", [value.Name], Nodes.Float("alpha", 0.1f)),
        3 => Clip(value.Name, 0, 6),
        4 => Node("Mul", [value.Name, Node("Sigmoid", [value.Name])]),
        _ => Node("Tanh", [value.Name]),
    }, value.Shape);

    private (string Name, long[] Shape) Normalize((string Name, long[] Shape) value)
    {
        var channels = value.Shape[1];
        if (channels < 0) return Activation(value);
        float[] Positive() => [.. Weights([channels]).Select(static number => Math.Abs(number) + 0.1f)];
        return (Node(
            "BatchNormalization",
            [value.Name, Constant(Positive(), channels), Constant(Weights([channels]), channels), Constant(Weights([channels]), channels),
                Constant(Positive(), channels)]), value.Shape);
    }

    /// <summary>Squeeze-and-excitation, or its head.</summary>
    private (string Name, long[] Shape) Squeeze((string Name, long[] Shape) value)
    {
        var pooled = (Node(Pick("GlobalAveragePool", "GlobalMaxPool"), [value.Name]), (long[])[value.Shape[0], value.Shape[1], 1, 1]);
        if (value.Shape[1] < 0) return pooled;
        var narrow = Conv(pooled, pointwise: true);
        if (Chance(0.7)) narrow = Activation(narrow);
        if (narrow.Shape[2] != 1 || Chance(0.4)) return narrow;
        long[] weight = [value.Shape[1], narrow.Shape[1], 1, 1];
        var gate = Node("Sigmoid", [Node("Conv", [narrow.Name, Constant(Weights(weight), weight)], Nodes.Ints("kernel_shape", 1, 1))]);
        return (Node("Mul", [value.Name, gate]), value.Shape);
    }

    private (string Name, long[] Shape) MatMul((string Name, long[] Shape) value)
    {
        var depth = value.Shape[^1];
        if (depth < 1) return Activation(value);
        long[] weight = [depth, Pick(4L, 16, 32)];
        if (_constants.Values.FirstOrDefault(tensor => tensor.Dims.Count == 2 && tensor.Dims[0] == depth) is { } shared && Chance(0.5))
            return (Node("MatMul", [value.Name, shared.Name]), [.. value.Shape[..^1], shared.Dims[1]]);
        return (Node("MatMul", [value.Name, Constant(Weights(weight), weight)]), [.. value.Shape[..^1], weight[1]]);
    }

    private (string Name, long[] Shape) Gemm((string Name, long[] Shape) value)
    {
        var (depth, width) = (value.Shape[1], Pick(4L, 8, 32));
        var isTurned = Chance(0.5);
        long[] weight = isTurned ? [width, depth] : [depth, width];
        string[] inputs = [value.Name, Constant(Weights(weight), weight)];
        if (Chance(0.7) || _opset < 11)
        {
            long[] bias = Pick<long[]>([width], [1, width], [1], [], [1, 1]);
            inputs = [.. inputs, Constant(Weights(bias), bias)];
        }

        List<AttributeProto> attributes = [Nodes.Int("transB", isTurned ? 1 : 0)];
        if (Chance(0.2)) attributes.Add(Nodes.Float("alpha", Pick(0.5f, -2f)));
        if (Chance(0.2)) attributes.Add(Nodes.Float("beta", Pick(0.5f, 3f, 0f)));
        return (Node("Gemm", inputs, [.. attributes]), [value.Shape[0], width]);
    }

    private (string Name, long[] Shape) Softmax((string Name, long[] Shape) value) =>
        (Node(Pick("Softmax", "LogSoftmax"), [value.Name], Chance(0.5) ? [Nodes.Int("axis", Pick(1, -1))] : []), value.Shape);

    private (string Name, long[] Shape) Sum((string Name, long[] Shape) value)
    {
        var same = _values.Where(other => other.Name != value.Name && other.Shape.AsSpan().SequenceEqual(value.Shape)).ToList();
        return same.Count == 0 ? Activation(value) : (Node("Add", [value.Name, Pick(same).Name]), value.Shape);
    }
}
