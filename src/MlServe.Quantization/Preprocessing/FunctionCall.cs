using Google.Protobuf.Collections;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// One call of a function: its nodes with the caller's values and attributes, and names of their own for all that lies within.
/// </summary>
internal sealed class FunctionCall
{
    private readonly FunctionProto _function;
    private readonly NodeProto _call;
    private readonly NameAllocator _allocator;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly List<NodeProto> _passed = [];

    public FunctionCall(FunctionProto function, NodeProto call, NameAllocator allocator)
    {
        _function = function;
        _call = call;
        _allocator = allocator;
        for (var i = 0; i < function.Input.Count; i++)
            _names[function.Input[i]] = i < call.Input.Count ? call.Input[i] : "";
        for (var i = 0; i < Math.Min(function.Output.Count, call.Output.Count); i++)
        {
            // What goes out as it came in, or twice, has a name already.
            if (call.Output[i].Length > 0 && !_names.TryAdd(function.Output[i], call.Output[i]))
                _passed.Add(Nodes.Make("Identity", [_names[function.Output[i]]], [call.Output[i]], ""));
        }

        foreach (var output in function.Node.SelectMany(static node => node.Output))
            Name(output, _names);
    }

    /// <summary>The nodes that stand in the call's place. Those that are calls themselves are not followed.</summary>
    public IEnumerable<NodeProto> Body() => _function.Node.Select(node => Copy(node, _names)).Concat(_passed);

    private NodeProto Copy(NodeProto node, Dictionary<string, string> names)
    {
        var copy = node.Clone();
        if (copy.Name.Length > 0) copy.Name = _allocator.Unique($"{Nodes.NameOf(_call)}/{copy.Name}");
        Rename(copy.Input, names);
        Rename(copy.Output, names);
        copy.Attribute.Clear();
        copy.Attribute.Add(node.Attribute.Select(attribute => Resolve(attribute, names)).OfType<AttributeProto>());
        return copy;
    }

    private AttributeProto? Resolve(AttributeProto attribute, Dictionary<string, string> names)
    {
        if (attribute.RefAttrName.Length > 0)
        {
            // What the caller gave may hold a graph, whose names are the caller's.
            var given = Nodes.Find(_call, attribute.RefAttrName)
                ?? _function.AttributeProto.FirstOrDefault(value => value.Name == attribute.RefAttrName);
            var value = given?.Clone();
            if (value is not null) value.Name = attribute.Name;
            return value;
        }

        var copy = attribute.Clone();
        if (copy.G is { } graph) Rename(graph, names);
        foreach (var each in copy.Graphs)
            Rename(each, names);
        return copy;
    }

    private void Rename(GraphProto graph, Dictionary<string, string> outer)
    {
        var names = new Dictionary<string, string>(outer, StringComparer.Ordinal);
        foreach (var name in graph.Input.Select(static input => input.Name).Concat(graph.Initializer.Select(static tensor => tensor.Name))
            .Concat(graph.SparseInitializer.Select(static tensor => tensor.Values.Name))
            .Concat(graph.Node.SelectMany(static node => node.Output)))
        {
            names.Remove(name);
        }

        foreach (var input in graph.Input)
            input.Name = Name(input.Name, names);
        foreach (var tensor in graph.Initializer.Concat(graph.SparseInitializer.Select(static tensor => tensor.Values)))
            tensor.Name = Name(tensor.Name, names);
        NodeProto[] nodes = [.. graph.Node];
        foreach (var output in nodes.SelectMany(static node => node.Output))
            Name(output, names);
        graph.Node.Clear();
        graph.Node.Add(nodes.Select(node => Copy(node, names)));
        foreach (var output in graph.Output)
            output.Name = Name(output.Name, names);
        graph.ValueInfo.Clear();
        graph.QuantizationAnnotation.Clear();
    }

    private void Rename(RepeatedField<string> values, Dictionary<string, string> names)
    {
        for (var i = 0; i < values.Count; i++)
            values[i] = Name(values[i], names);
    }

    private string Name(string inner, Dictionary<string, string> names)
    {
        if (inner.Length == 0) return "";
        if (!names.TryGetValue(inner, out var name)) names.Add(inner, name = _allocator.Next("v"));
        return name;
    }
}
