using System.Runtime.InteropServices;

namespace MlServe.TestModels;

/// <summary>
/// Builds small ONNX models for tests and benchmarks, byte by byte, so that none has to be kept as a file. Dimensions are numbers
/// (<c>4</c>) or names (<c>"batch"</c>); an empty name is an axis without one.
/// </summary>
public sealed partial class OnnxModel
{
    /// <summary>Numbers of <c>TensorProto.DataType</c>.</summary>
    public const int Float = 1, UInt8 = 2, Int8 = 3, Int32 = 6, Int64 = 7, String = 8, Bool = 9, Double = 11;

    private readonly OnnxWriter _graph = new();
    private readonly List<(string Domain, long Version)> _opsets = [];
    private long _irVersion = 8;

    /// <summary>Begins a model of an operator set.</summary>
    public OnnxModel(long opset = 17) => _opsets.Add(("", opset));

    public OnnxModel IrVersion(long version)
    {
        _irVersion = version;
        return this;
    }

    public OnnxModel Opset(string domain, long version)
    {
        _opsets.Add((domain, version));
        return this;
    }

    /// <summary>
    /// Whether each input that has axes passes through a mask that writes nothing. It is the same behind it, but the graph alone does not
    /// tell that.
    /// </summary>
    internal bool MasksInputs { get; set; }

    public OnnxModel Input(string name, int type, params object[] dimensions)
    {
        var isMasked = MasksInputs && dimensions.Length > 0 && type is Float or Int64;
        var given = isMasked ? $"{name} as given" : name;
        _graph.Message(11, ValueInfo(given, type, dimensions));
        if (!isMasked) return this;
        var (none, found, places, values) = ($"{name} none", $"{name} found", $"{name} places", $"{name} values");
        return Node("Less", [given, given], [none]).Node("NonZero", [none], [found])
            .Node("Transpose", [found], [places], ("perm", new long[] { 1, 0 }))
            .Initializer(values, type, [], 0).Node("ScatterND", [given, places, values], [name]);
    }

    public OnnxModel Output(string name, int type, params object[] dimensions)
    {
        _graph.Message(12, ValueInfo(name, type, dimensions));
        return this;
    }

    public OnnxModel Node(string operation, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        _graph.Message(1, NodeOf("", operation, inputs, outputs, attributes));
        return this;
    }

    public OnnxModel Initializer(string name, float[] values, params long[] shape) =>
        Initializer(name, Float, MemoryMarshal.AsBytes<float>(values), shape);

    public OnnxModel Initializer(string name, long[] values, params long[] shape) =>
        Initializer(name, Int64, MemoryMarshal.AsBytes<long>(values), shape);

    public OnnxModel Initializer(string name, int type, ReadOnlySpan<byte> values, params long[] shape)
    {
        _graph.Message(5, Tensor(name, type, values, shape));
        return this;
    }

    /// <summary>Adds an initializer whose bytes lie in another file.</summary>
    public OnnxModel ExternalInitializer(string name, string location, long length, params long[] shape)
    {
        var tensor = new OnnxWriter();
        foreach (var size in shape)
            tensor.Integer(1, size);
        tensor.Integer(2, Float).Text(8, name);
        tensor.Message(13, new OnnxWriter().Text(1, "location").Text(2, location));
        tensor.Message(13, new OnnxWriter().Text(1, "length").Text(2, length.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        tensor.Integer(14, 1);
        _graph.Message(5, tensor);
        return this;
    }

    public byte[] ToBytes()
    {
        var model = new OnnxWriter().Integer(1, _irVersion).Text(2, "MlServe.TestModels");
        model.Message(7, new OnnxWriter().Append(_graph).Text(2, "graph"));
        foreach (var (domain, version) in _opsets)
            model.Message(8, new OnnxWriter().Text(1, domain).Integer(2, version));
        foreach (var function in _functions)
            model.Message(25, function.ToMessage());
        return model.ToArray();
    }

    /// <summary>
    /// A multi-layer perceptron <c>x: float[batch, first] → y: float[batch, last]</c> with ReLU between its layers and seeded random
    /// weights.
    /// </summary>
    public static byte[] Mlp(int seed, params int[] layers)
    {
        var random = new Random(seed);
        var model = new OnnxModel().Input("x", Float, "batch", layers[0]).Output("y", Float, "batch", layers[^1]);
        var current = "x";
        for (var layer = 1; layer < layers.Length; layer++)
        {
            var (rows, columns) = (layers[layer - 1], layers[layer]);
            var scale = MathF.Sqrt(2f / rows);
            model.Initializer($"w{layer}", Weights(random, rows * columns, scale), rows, columns);
            model.Initializer($"b{layer}", Weights(random, columns, 0.1f), columns);
            var isLast = layer == layers.Length - 1;
            var sum = isLast ? "y" : $"s{layer}";
            model.Node("Gemm", [current, $"w{layer}", $"b{layer}"], [sum]);
            current = sum;
            if (isLast) break;
            model.Node("Relu", [sum], [$"a{layer}"]);
            current = $"a{layer}";
        }

        return model.ToBytes();
    }

    private static float[] Weights(Random random, int count, float scale)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = ((random.NextSingle() * 2) - 1) * scale;
        return values;
    }

    private static OnnxWriter ValueInfo(string name, int type, object[] dimensions)
    {
        var shape = new OnnxWriter();
        foreach (var dimension in dimensions)
        {
            var size = new OnnxWriter();
            if (dimension is string symbol)
            {
                if (symbol.Length > 0) size.Text(2, symbol);
            }
            else
            {
                size.Integer(1, Convert.ToInt64(dimension, System.Globalization.CultureInfo.InvariantCulture));
            }

            shape.Message(1, size);
        }

        var tensor = new OnnxWriter().Integer(1, type).Message(2, shape);
        return new OnnxWriter().Text(1, name).Message(2, new OnnxWriter().Message(1, tensor));
    }

    private static OnnxWriter Tensor(string name, int type, ReadOnlySpan<byte> values, long[] shape)
    {
        var tensor = new OnnxWriter();
        foreach (var size in shape)
            tensor.Integer(1, size);
        return tensor.Integer(2, type).Text(8, name).Bytes(9, values);
    }

    internal static OnnxWriter Attribute(string name, object value)
    {
        var attribute = new OnnxWriter().Text(1, name);
        switch (value)
        {
            case float number:
                attribute.Single(2, number).Integer(20, 1);
                break;
            case int or long:
                attribute.Integer(3, Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)).Integer(20, 2);
                break;
            case string text:
                attribute.Text(4, text).Integer(20, 3);
                break;
            case long[] numbers:
                foreach (var number in numbers)
                    attribute.Integer(8, number);
                attribute.Integer(20, 7);
                break;
            case float[] numbers:
                foreach (var number in numbers)
                    attribute.Single(7, number);
                attribute.Integer(20, 6);
                break;
            case string[] texts:
                foreach (var text in texts)
                    attribute.Text(9, text);
                attribute.Integer(20, 8);
                break;
            case OnnxModel body:
                attribute.Message(6, new OnnxWriter().Append(body._graph).Text(2, "body")).Integer(20, 5);
                break;
            case OnnxTensorValue tensor:
                attribute.Message(5, Tensor("", tensor.Type, tensor.Bytes, tensor.Shape)).Integer(20, 4);
                break;
            case OnnxReference reference:
                attribute.Text(21, reference.Name).Integer(20, reference.Type);
                break;
            default:
                throw new ArgumentException($"Attributes of type {value.GetType()} are not written.", nameof(value));
        }

        return attribute;
    }
}
