using System.Runtime.InteropServices;
using System.Text;
using MlServe.Onnx.Inspection;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Builds small ONNX models by hand, with the field numbers of onnx.proto.</summary>
internal sealed class TinyOnnx(long opset = 17, long irVersion = 8)
{
    private readonly List<Action<WireWriter>> _graph = [];
    private readonly Dictionary<string, long> _opsets = new() { [""] = opset };
    private int _nodes;

    public TinyOnnx Opset(string domain, long version)
    {
        _opsets[domain] = version;
        return this;
    }

    /// <summary>An input; a dimension is a size, a symbol, or null for neither.</summary>
    public TinyOnnx Input(string name, ElementType type, params object?[] dimensions) => Input(name, (int)type, dimensions);

    public TinyOnnx Input(string name, int type, params object?[] dimensions) =>
        Add(11, Models.Value(name, Models.TensorType(type, dimensions)));

    /// <summary>An input of whose shape nothing is said.</summary>
    public TinyOnnx InputOfAnyShape(string name, ElementType type) =>
        Add(11, Models.Value(name, w => w.Message(1, t => t.Int(1, (int)type))));

    /// <summary>An input that is a sequence of tensors.</summary>
    public TinyOnnx InputOfSequence(string name, ElementType type) =>
        Add(11, Models.Value(name, w => w.Message(4, s => s.Message(1, Models.TensorType((int)type, [null])))));

    public TinyOnnx Output(string name, ElementType type, params object?[] dimensions) => Output(name, (int)type, dimensions);

    public TinyOnnx Output(string name, int type, params object?[] dimensions) =>
        Add(12, Models.Value(name, Models.TensorType(type, dimensions)));

    public TinyOnnx OutputOfAnyShape(string name, ElementType type) =>
        Add(12, Models.Value(name, w => w.Message(1, t => t.Int(1, (int)type))));

    /// <summary>A node; names are parted by blanks.</summary>
    public TinyOnnx Node(string type, string inputs, string outputs, params Action<WireWriter>[] attributes) => Add(1, node =>
    {
        foreach (var name in inputs.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            node.Text(1, name == "-" ? "" : name);
        foreach (var name in outputs.Split(' '))
            node.Text(2, name);
        node.Text(3, $"n{_nodes++}").Text(4, type);
        foreach (var attribute in attributes)
            node.Message(5, attribute);
    });

    public TinyOnnx Weight(string name, float[] values, params long[] dimensions) =>
        Tensor(name, 1, MemoryMarshal.AsBytes<float>(values).ToArray(), dimensions);

    public TinyOnnx Weight(string name, long[] values, params long[] dimensions) =>
        Tensor(name, 7, MemoryMarshal.AsBytes<long>(values).ToArray(), dimensions);

    public TinyOnnx Tensor(string name, int type, byte[] raw, params long[] dimensions) =>
        Add(5, t => t.PackedInts(1, dimensions).Int(2, type).Text(8, name).Bytes(9, raw));

    /// <summary>A weight in another file.</summary>
    public TinyOnnx ExternalWeight(string name, string location, params long[] dimensions) => Add(5, t => t
        .PackedInts(1, dimensions).Int(2, 1).Text(8, name).Message(13, Models.Entry("location", location)).Int(14, 1));

    public static Action<WireWriter> Int(string name, long value) => a => a.Text(1, name).Int(3, value).Int(20, 2);

    public static Action<WireWriter> Ints(string name, params long[] values) => a => a.Text(1, name).PackedInts(8, values).Int(20, 7);

    public static Action<WireWriter> Float(string name, float value) => a => a.Text(1, name).Float(2, value).Int(20, 1);

    public static Action<WireWriter> String(string name, string value) =>
        a => a.Text(1, name).Bytes(4, Encoding.UTF8.GetBytes(value)).Int(20, 3);

    /// <summary>An attribute that is a graph; its inputs and outputs are the body's.</summary>
    public static Action<WireWriter> Graph(string name, TinyOnnx body) => a => a.Text(1, name).Int(20, 5).Message(6, graph =>
    {
        foreach (var part in body._graph)
            part(graph);
        graph.Text(2, name);
    });

    public byte[] ToArray()
    {
        var model = new WireWriter().Int(1, irVersion);
        foreach (var (domain, version) in _opsets)
            model.Message(8, Models.Opset(domain, version));
        return model.Message(7, graph =>
        {
            foreach (var part in _graph)
                part(graph);
            graph.Text(2, "tiny");
        });
    }

    public IModelSource ToSource() => ModelSource.FromBytes(ToArray(), "tiny");

    public OnnxPredictor Load(OnnxModelOptions? options = null, ModelLoadContext? context = null) => Ask.Load(ToSource(), options, context);

    private TinyOnnx Add(int field, Action<WireWriter> write)
    {
        _graph.Add(graph => graph.Message(field, write));
        return this;
    }
}
