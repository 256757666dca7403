using System.Globalization;

namespace MlServe.Onnx.Inspection;

/// <summary>Models written by hand, field by field, with the numbers of onnx.proto.</summary>
internal static class Models
{
    /// <summary>A valid model around a main graph.</summary>
    public static byte[] WithGraph(Action<WireWriter> graph) => Envelope().Message(7, graph);

    /// <summary>A valid model with one node, around one attribute of it.</summary>
    public static byte[] WithAttribute(Action<WireWriter> attribute) => WithGraph(graph => graph.Message(1, Node("Constant", attribute)));

    /// <summary>A valid model with one initializer.</summary>
    public static byte[] WithInitializer(Action<WireWriter> tensor) => WithGraph(graph => graph.Message(5, tensor));

    /// <summary>A valid model with one input of a type.</summary>
    public static byte[] WithInput(Action<WireWriter> type) => WithGraph(graph => graph.Message(11, Value("x", type)));

    /// <summary>What a model has besides its graph: ir_version and one operator set.</summary>
    public static WireWriter Envelope() => new WireWriter().Int(1, 8).Message(8, Opset("", 17));

    public static Action<WireWriter> Opset(string domain, long version) => w => w.Text(1, domain).Int(2, version);

    public static Action<WireWriter> Node(string opType, Action<WireWriter>? attribute = null, string domain = "") => w =>
    {
        w.Text(1, "in").Text(2, "out").Text(3, "node").Text(4, opType);
        if (attribute is not null)
            w.Message(5, attribute);
        if (domain.Length > 0)
            w.Text(7, domain);
    };

    public static Action<WireWriter> Entry(string key, string value) => w => w.Text(1, key).Text(2, value);

    public static Action<WireWriter> Value(string name, Action<WireWriter> type) => w => w.Text(1, name).Message(2, type);

    /// <summary>A tensor type; a dimension is a size, a symbol, or null for neither.</summary>
    public static Action<WireWriter> TensorType(int elementType, params object?[] dimensions) =>
        w => w.Message(1, TensorBody(elementType, dimensions));

    public static Action<WireWriter> TensorBody(int elementType, params object?[] dimensions) => w => w
        .Int(1, elementType)
        .Message(2, shape =>
        {
            foreach (var dimension in dimensions)
            {
                shape.Message(1, d =>
                {
                    if (dimension is string symbol)
                        d.Text(2, symbol);
                    else if (dimension is not null)
                        d.Int(1, Convert.ToInt64(dimension, CultureInfo.InvariantCulture));
                });
            }
        });

    public static Action<WireWriter> ExternalTensor(string name, string? location, string? offset = null, string? length = null) => w =>
    {
        w.Int(1, 4).Int(2, 1).Text(8, name);
        if (location is not null)
            w.Message(13, Entry("location", location));
        if (offset is not null)
            w.Message(13, Entry("offset", offset));
        if (length is not null)
            w.Message(13, Entry("length", length));
        w.Int(14, 1);
    };

    /// <summary>An <c>If</c> node whose branch holds another, so often.</summary>
    public static Action<WireWriter> NestedNode(int depth) =>
        depth == 0 ? Node("Relu") : Node("If", a => a.Text(1, "then_branch").Message(6, graph => graph.Message(1, NestedNode(depth - 1))));

    /// <summary>A model with something of everything that the inspection reads, and of what it steps over.</summary>
    public static byte[] Rich() => new WireWriter()
        .Int(1, 10)
        .Text(2, "hand")
        .Text(3, "1.0")
        .Text(4, "org.example")
        .Int(5, 3)
        .Text(6, "A model with something of everything.")
        .Message(7, graph => graph
            .Message(1, Node("Conv", a => a.Text(1, "pads").PackedInts(8, 1, 1, 1, 1)))
            .Message(1, Node("Relu"))
            .Message(1, Node("Relu", domain: "ai.onnx"))
            .Message(1, Node("Constant", a => a.Text(1, "value").Message(5, t => t.Int(1, 2).Int(2, 7).PackedInts(7, 1, 300))))
            .Message(1, Node("Trees", a => a.Text(1, "weights").Float(7, 1).Float(7, 2).Bytes(9, 1, 2, 3).Bytes(4, 9), "ai.onnx.ml"))
            .Message(1, Node("If", a => a.Message(6, Branch).Message(11, LoopBranch)))
            .Message(1, Node("Norm", domain: "local"))
            .Text(2, "main")
            .Message(5, t => t.PackedInts(1, 2, 2).Int(2, 1).Text(8, "w").Bytes(9, new byte[16]))
            .Message(5, t => t.Int(1, 3).Int(2, 10).Text(8, "half").PackedInts(5, 1, 2, 70000))
            .Message(5, ExternalTensor("big", "big.bin"))
            .Text(10, "documentation")
            .Message(11, Value("x", TensorType(1, "batch", 3, null)))
            .Message(11, Value("w", TensorType(1, 2, 2)))
            .Message(12, Value("y", t => t
                .Message(4, s => s.Message(1, m => m.Message(5, map => map.Int(1, 7).Message(2, TensorType(1)))))))
            .Message(13, Value("hidden", TensorType(1)))
            .Message(15, sparse => sparse
                .Message(1, v => v.Int(2, 11).Text(8, "sparse").Double(10, 1).Double(10, 2))
                .Message(2, i => i.Int(2, 7).PackedInts(7, 0, 5))
                .Int(3, 9)))
        .Message(8, Opset("", 17))
        .Message(8, Opset("ai.onnx.ml", 3))
        .Message(14, Entry("author", "hand"))
        .Message(20, training => training
            .Message(1, graph => graph.Message(1, Node("RandomNormal")).Message(5, ExternalTensor("seed", "seed.bin")))
            .Message(2, graph => graph.Message(1, Node("Adam", domain: "ai.onnx.preview.training"))))
        .Message(25, function => function
            .Text(1, "Norm")
            .Text(4, "x")
            .Message(7, Node("ReduceMean"))
            .Message(7, NestedNode(1))
            .Message(9, Opset("", 18))
            .Text(10, "local")
            .Message(11, a => a.Text(1, "scale").Message(22, s => s.Message(1, v => v.Int(2, 1).Float(4, 1)))))
        .Text(900, "a field of a later ONNX");

    private static void Branch(WireWriter body) =>
        body.Message(1, Node("Relu")).Message(5, t => t.Int(2, 1).Text(8, "inner").Bytes(9, new byte[12]));

    private static void LoopBranch(WireWriter body) =>
        body.Message(1, Node("Loop", a => a.Message(6, DeepBody)));

    private static void DeepBody(WireWriter body) =>
        body.Message(1, Node("Sin", a => a.Message(10, ExternalTensor("deep", "deep.bin", "8", "16"))));
}
