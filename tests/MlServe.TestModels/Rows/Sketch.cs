namespace MlServe.TestModels;

/// <summary>Adds nodes to a graph, a subgraph or a function, and knows how each operator set wants them written.</summary>
internal sealed class Sketch
{
    private readonly OnnxModel? _model;
    private readonly OnnxFunction? _function;
    private readonly Counter _counter;

    private Sketch(Random random, long opset, OnnxModel? model, OnnxFunction? function, OnnxModel root, Counter counter)
    {
        Random = random;
        Opset = opset;
        _model = model;
        _function = function;
        Root = root;
        _counter = counter;
    }

    public Sketch(Random random, long opset)
        : this(random, opset, new OnnxModel(opset), null, null!, new Counter()) => Root = _model!;

    public Random Random { get; }

    public long Opset { get; }

    /// <summary>The model as a whole.</summary>
    public OnnxModel Root { get; }

    /// <summary>Whether it stands in a function, or in a subgraph of one.</summary>
    public bool IsInFunction { get; private init; }

    public Sketch InSubgraph(OnnxModel subgraph) => new(Random, Opset, subgraph, null, Root, _counter) { IsInFunction = IsInFunction };

    public Sketch InFunction(OnnxFunction function) => new(Random, Opset, null, function, Root, _counter) { IsInFunction = true };

    public string Name() => $"v{_counter.Next++}";

    public bool Chance(double share) => Random.NextDouble() < share;

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Random.Next(choices.Length)];

    public string Node(string operation, string[] inputs, params (string Name, object Value)[] attributes) =>
        Nodes(operation, inputs, 1, attributes)[0];

    public string NodeIn(string domain, string operation, string[] inputs, params (string Name, object Value)[] attributes)
    {
        var output = Name();
        _model?.NodeIn(domain, operation, inputs, [output], attributes);
        _function?.NodeIn(domain, operation, inputs, [output], attributes);
        return output;
    }

    public string[] Nodes(string operation, string[] inputs, int outputs, params (string Name, object Value)[] attributes)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => Name())];
        _model?.Node(operation, inputs, names, attributes);
        _function?.Node(operation, inputs, names, attributes);
        return names;
    }

    public string Constant(float[] values, params long[] shape)
    {
        if (_model is null || Chance(0.2)) return Node("Constant", [], ("value", OnnxModel.Value(values, shape)));
        var name = Name();
        _model.Initializer(name, values, shape);
        return name;
    }

    public string Constant(long[] values, params long[] shape)
    {
        if (_model is null || Chance(0.3)) return Node("Constant", [], ("value", OnnxModel.Value(values, shape)));
        var name = Name();
        _model.Initializer(name, values, shape);
        return name;
    }

    public string Scalar(float value) => Constant([value]);

    public string Scalar(long value) => Constant([value]);

    public string List(params long[] values) => Constant(values, values.Length);

    public string True() => Node("Constant", [], ("value", new OnnxTensorValue(OnnxModel.Bool, [1], [])));

    /// <summary>Random weights.</summary>
    public string Weights(float limit, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, static (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = ((Random.NextSingle() * 2) - 1) * limit;
        return Constant(values, shape);
    }

    public string Reduce(string operation, string value, bool keeps, params long[] axes)
    {
        var keepdims = ("keepdims", (object)(keeps ? 1 : 0));
        return Opset >= (operation == "ReduceSum" ? 13 : 18)
            ? Node(operation, [value, List(axes)], keepdims)
            : Node(operation, [value], ("axes", axes), keepdims);
    }

    public string ReduceAll(string operation, string value, bool keeps) => Node(operation, [value], ("keepdims", keeps ? 1 : 0));

    public string Unsqueeze(string value, params long[] axes) =>
        Opset >= 13 ? Node("Unsqueeze", [value, List(axes)]) : Node("Unsqueeze", [value], ("axes", axes));

    public string Squeeze(string value, params long[] axes) =>
        Opset >= 13 ? Node("Squeeze", [value, List(axes)]) : Node("Squeeze", [value], ("axes", axes));

    public string[] Split(string value, long axis, params long[] sizes) =>
        Opset >= 13
            ? Nodes("Split", [value, List(sizes)], sizes.Length, ("axis", axis))
            : Nodes("Split", [value], sizes.Length, ("axis", axis), ("split", sizes));

    public string Slice(string value, long axis, long start, long end) => Node("Slice", [value, List(start), List(end), List(axis)]);

    public string Transpose(string value, params long[] order) => Node("Transpose", [value], ("perm", order));

    public string Reshape(string value, params long[] shape) => Node("Reshape", [value, List(shape)]);

    /// <summary>A dimension as exporters read it: one element of the shape, as a list of one.</summary>
    public string SizeOf(string value, long axis)
    {
        var shape = Node("Shape", [value]);
        if (Chance(0.3)) return Node("Slice", [shape, List(axis), List(axis + 1), List(0)]);
        return Unsqueeze(Node("Gather", [shape, Scalar(axis)], ("axis", 0)), 0);
    }

    /// <summary>A reshape whose shape is put together while the model runs; -2 stands for the size along an axis of a value.</summary>
    public string ReshapeLike(string value, string like, long axis, params long[] shape)
    {
        string[] parts = [.. shape.Select(size => size == -2 ? SizeOf(like, axis) : List(size))];
        return Node("Reshape", [value, parts.Length == 1 ? parts[0] : Node("Concat", parts, ("axis", 0))]);
    }

    public string Activate(string value)
    {
        switch (Random.Next(9))
        {
            case 0: return Node("Relu", [value]);
            case 1: return Node("Sigmoid", [value]);
            case 2: return Node("Tanh", [value]);
            case 3: return Node("LeakyRelu", [value], ("alpha", 0.1f));
            case 4: return Node("Elu", [value]);
            case 5: return Node("Mul", [value, Node("Sigmoid", [value])]);
            case 6: return Node("Softplus", [value]);
            case 7: return Node("Clip", [value, Scalar(-1f), Scalar(1f)]);
            default:
                var half = Node("Mul", [value, Scalar(0.5f)]);
                return Node("Mul", [half, Node("Add", [Node("Erf", [Node("Mul", [value, Scalar(0.70710677f)])]), Scalar(1f)])]);
        }
    }

    private sealed class Counter
    {
        public int Next { get; set; }
    }
}
