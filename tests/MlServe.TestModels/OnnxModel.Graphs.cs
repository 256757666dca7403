using System.Runtime.InteropServices;

namespace MlServe.TestModels;

/// <content>Subgraphs, functions, and what else only models of some size have. A subgraph is a model of which the graph alone
/// counts.</content>
public sealed partial class OnnxModel
{
    private readonly List<OnnxFunction> _functions = [];

    /// <summary>An input of whose shape nothing is said, as those of subgraphs.</summary>
    public OnnxModel InputOfAnyShape(string name, int type)
    {
        _graph.Message(11, OfAnyShape(name, type));
        return this;
    }

    /// <summary>An output of whose shape nothing is said, as those of subgraphs.</summary>
    public OnnxModel OutputOfAnyShape(string name, int type)
    {
        _graph.Message(12, OfAnyShape(name, type));
        return this;
    }

    /// <summary>An output that is a sequence of maps, as classifiers of scikit-learn give it.</summary>
    public OnnxModel OutputOfMaps(string name, int keyType, int valueType)
    {
        var map = new OnnxWriter().Integer(1, keyType).Message(2, new OnnxWriter().Message(1, new OnnxWriter().Integer(1, valueType)));
        _graph.Message(
            12,
            new OnnxWriter().Text(1, name)
                .Message(2, new OnnxWriter().Message(4, new OnnxWriter().Message(1, new OnnxWriter().Message(5, map)))));
        return this;
    }

    /// <summary>What the file declares of a value in between, true or not.</summary>
    public OnnxModel Declare(string name, int type, params object[] dimensions)
    {
        _graph.Message(13, ValueInfo(name, type, dimensions));
        return this;
    }

    /// <summary>A node of an operator of another domain, or a call of a function.</summary>
    public OnnxModel NodeIn(
        string domain, string operation, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        _graph.Message(1, NodeOf(domain, operation, inputs, outputs, attributes));
        return this;
    }

    /// <summary>A function of the model's own.</summary>
    public OnnxModel Function(OnnxFunction function)
    {
        _functions.Add(function);
        return this;
    }

    /// <summary>A tensor for an attribute.</summary>
    public static OnnxTensorValue Value(float[] values, params long[] shape) =>
        new(Float, MemoryMarshal.AsBytes<float>(values).ToArray(), shape);

    /// <summary>A tensor for an attribute.</summary>
    public static OnnxTensorValue Value(long[] values, params long[] shape) =>
        new(Int64, MemoryMarshal.AsBytes<long>(values).ToArray(), shape);

    internal static OnnxWriter NodeOf(
        string domain, string operation, string[] inputs, string[] outputs, (string Name, object Value)[] attributes)
    {
        var node = new OnnxWriter();
        foreach (var input in inputs)
            node.Text(1, input);
        foreach (var output in outputs)
            node.Text(2, output);
        node.Text(4, operation);
        if (domain.Length > 0) node.Text(7, domain);
        foreach (var (name, value) in attributes)
            node.Message(5, Attribute(name, value));
        return node;
    }

    private static OnnxWriter OfAnyShape(string name, int type) =>
        new OnnxWriter().Text(1, name).Message(2, new OnnxWriter().Message(1, new OnnxWriter().Integer(1, type)));
}
