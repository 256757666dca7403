namespace MlServe.TestModels;

/// <summary>
/// Writes the parts of ONNX models that <see cref="OnnxModel"/> has no words for: subgraphs, functions, operators of other domains.
/// </summary>
internal static class GraphWriter
{
    public const int Float = OnnxModel.Float, Int64 = OnnxModel.Int64, Bool = OnnxModel.Bool;

    public static byte[] Model(OnnxWriter graph, long opset = 17, params OnnxWriter[] functions)
    {
        var model = new OnnxWriter().Integer(1, 8)
            .Text(2, "MlServe.TestModels")
            .Message(7, graph.Text(2, "graph"))
            .Message(8, Opset("", opset));
        foreach (var (domain, version) in ((string, long)[])[("f", 1), ("com.microsoft", 1), ("ai.onnx.ml", 3)])
            model.Message(8, Opset(domain, version));
        foreach (var function in functions)
            model.Message(25, function);
        return model.ToArray();
    }

    /// <summary>A graph <c>x: float[batch, 4] → y</c> of these nodes and values.</summary>
    public static OnnxWriter Graph(params (int Field, OnnxWriter Part)[] parts)
    {
        var graph = new OnnxWriter();
        foreach (var (field, part) in parts)
            graph.Message(field, part);
        return graph.Message(11, Value("x", Float, -1, 4)).Message(12, Value("y", Float));
    }

    public static (int, OnnxWriter) Node(string operation, string inputs, string outputs, params OnnxWriter[] attributes) =>
        (1, NodeIn("", operation, inputs, outputs, attributes));

    public static (int, OnnxWriter) Call(string function, string inputs, string outputs) => (1, NodeIn("f", function, inputs, outputs));

    public static OnnxWriter NodeIn(string domain, string operation, string inputs, string outputs, params OnnxWriter[] attributes)
    {
        var node = new OnnxWriter();
        foreach (var name in inputs.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            node.Text(1, name == "-" ? "" : name);
        foreach (var name in outputs.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            node.Text(2, name == "-" ? "" : name);
        node.Text(4, operation);
        foreach (var attribute in attributes)
            node.Message(5, attribute);
        return domain.Length == 0 ? node : node.Text(7, domain);
    }

    public static OnnxWriter Int(string name, long value) => new OnnxWriter().Text(1, name).Integer(3, value).Integer(20, 2);

    /// <summary>A node of ONNX Runtime's own operators.</summary>
    public static (int, OnnxWriter) Own(string operation, string inputs, string outputs, params OnnxWriter[] attributes) =>
        (1, NodeIn("com.microsoft", operation, inputs, outputs, attributes));

    /// <summary>A node of the operators of classical machine learning.</summary>
    public static (int, OnnxWriter) Classical(string operation, string inputs, string outputs, params OnnxWriter[] attributes) =>
        (1, NodeIn("ai.onnx.ml", operation, inputs, outputs, attributes));

    /// <summary>Numbers that are easy to come by: 0, 1/16, 2/16, ...</summary>
    public static (int, OnnxWriter) Ramp(string name, params long[] dims)
    {
        var values = new float[dims.Aggregate(1L, static (count, dim) => count * dim)];
        for (var i = 0; i < values.Length; i++)
            values[i] = i % 64 / 16f;
        return Floats(name, dims, values);
    }

    public static (int, OnnxWriter) Bytes(string name, int type, byte[] values, params long[] dims)
    {
        var tensor = new OnnxWriter();
        foreach (var dim in dims)
            tensor.Integer(1, dim);
        return (5, tensor.Integer(2, type).Text(8, name).Bytes(9, values));
    }

    public static OnnxWriter Singles(string name, params float[] values)
    {
        var attribute = new OnnxWriter().Text(1, name);
        foreach (var value in values)
            attribute.Single(7, value);
        return attribute.Integer(20, 6);
    }

    public static OnnxWriter Texts(string name, params string[] values)
    {
        var attribute = new OnnxWriter().Text(1, name);
        foreach (var value in values)
            attribute.Text(9, value);
        return attribute.Integer(20, 8);
    }

    public static OnnxWriter Single(string name, float value) => new OnnxWriter().Text(1, name).Single(2, value).Integer(20, 1);

    public static OnnxWriter Text(string name, string value) => new OnnxWriter().Text(1, name).Text(4, value).Integer(20, 3);

    public static OnnxWriter Ints(string name, params long[] values)
    {
        var attribute = new OnnxWriter().Text(1, name);
        foreach (var value in values)
            attribute.Integer(8, value);
        return attribute.Integer(20, 7);
    }

    public static OnnxWriter Body(string name, OnnxWriter graph) => new OnnxWriter().Text(1, name).Message(6, graph).Integer(20, 5);

    public static OnnxWriter Tensor(string name, OnnxWriter tensor) => new OnnxWriter().Text(1, name).Message(5, tensor).Integer(20, 4);

    public static (int, OnnxWriter) Longs(string name, params long[] values) => (5, LongTensor(name, [values.Length], values));

    public static (int, OnnxWriter) Long(string name, long value) => (5, LongTensor(name, [], [value]));

    public static (int, OnnxWriter) Truth(string name, bool value) =>
        (5, new OnnxWriter().Integer(2, Bool).Integer(5, value ? 1 : 0).Text(8, name));

    public static (int, OnnxWriter) Floats(string name, long[] dims, params float[] values)
    {
        var tensor = new OnnxWriter();
        foreach (var dim in dims)
            tensor.Integer(1, dim);
        tensor.Integer(2, Float);
        foreach (var value in values)
            tensor.Single(4, value);
        return (5, tensor.Text(8, name));
    }

    public static OnnxWriter LongTensor(string name, long[] dims, long[] values)
    {
        var tensor = new OnnxWriter();
        foreach (var dim in dims)
            tensor.Integer(1, dim);
        tensor.Integer(2, Int64);
        foreach (var value in values)
            tensor.Integer(7, value);
        return tensor.Text(8, name);
    }

    /// <summary>A value; a dimension below 0 is free, and without dimensions nothing is said of the shape.</summary>
    public static OnnxWriter Value(string name, int type, params long[] dims)
    {
        var tensor = new OnnxWriter().Integer(1, type);
        if (dims.Length > 0)
        {
            var shape = new OnnxWriter();
            foreach (var dim in dims)
                shape.Message(1, dim < 0 ? new OnnxWriter().Text(2, "batch") : new OnnxWriter().Integer(1, dim));
            tensor.Message(2, shape);
        }

        return new OnnxWriter().Text(1, name).Message(2, new OnnxWriter().Message(1, tensor));
    }

    public static OnnxWriter Scalar(string name, int type) =>
        new OnnxWriter().Text(1, name)
            .Message(2, new OnnxWriter().Message(1, new OnnxWriter().Integer(1, type).Message(2, new OnnxWriter())));

    /// <summary>The body of a <c>Loop</c> that carries one value: <c>(i, c, s) → (co, so, ...)</c>.</summary>
    public static OnnxWriter LoopBody(int carried, (int Field, OnnxWriter Part)[] parts, params string[] scanned)
    {
        var body = new OnnxWriter();
        foreach (var (field, part) in parts)
            body.Message(field, part);
        body.Text(2, "body")
            .Message(11, Scalar("i", Int64))
            .Message(11, Scalar("c", Bool))
            .Message(11, Value("s", carried))
            .Message(12, Scalar("co", Bool))
            .Message(12, Value("so", carried));
        foreach (var name in scanned)
            body.Message(12, Value(name, Float));
        return body;
    }

    private static OnnxWriter Opset(string domain, long version) => new OnnxWriter().Text(1, domain).Integer(2, version);
}
