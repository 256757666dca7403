using Google.Protobuf.Collections;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.RandomGraphs;

internal sealed partial class RandomGraph
{
    private static readonly string[] Prefixes = ["q", "f", "w", "b", "s", "a", "g", "d", "c", "n", "r", "z", "v", "p", "i", "k", "x"];

    /// <summary>What exporters and other tools do to a graph without changing what it computes.</summary>
    private void Disturb(ModelProto model)
    {
        if (Chance(0.3)) DescribeWhatIsNotThere();
        if (Chance(0.2)) ShowConstant();
        if (Chance(0.2)) MakeConstantNodes();
        if (Chance(0.2)) Branch();
        if (Chance(0.15)) ListWeights(model);
        if (Chance(0.25)) Shuffle(_graph.Node);
    }

    private void DescribeWhatIsNotThere()
    {
        foreach (var prefix in Prefixes)
        {
            if (!Chance(0.5)) continue;
            var name = $"{prefix}{_random.Next(3)}";
            if (IsUsed(name)) continue;
            _graph.ValueInfo.Add(Info(name, Pick(DataType.Float, DataType.Int64), [Pick(1L, 3, 7), Pick(2L, 5)]));
        }
    }

    private bool IsUsed(string name) =>
        _graph.Node.Any(node => node.Output.Contains(name)) || _graph.Initializer.Any(tensor => tensor.Name == name)
        || _graph.Input.Any(input => input.Name == name)
            || _graph.ValueInfo.Any(info => info.Name == name);

    private void ShowConstant()
    {
        if (_constants.Count == 0) return;
        var shown = Pick(_constants.Values.ToList());
        _graph.Output.Add(Info(shown.Name, DataType.Float, [.. shown.Dims]));
    }

    private void MakeConstantNodes()
    {
        foreach (var tensor in _graph.Initializer.ToArray())
        {
            if (!Chance(0.5) || _graph.Output.Any(output => output.Name == tensor.Name)) continue;
            _graph.Initializer.Remove(tensor);
            _graph.Node.Insert(
                0,
                Nodes.Make(
                    "Constant", [], [tensor.Name], "",
                    new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = tensor }));
        }
    }

    private void ListWeights(ModelProto model)
    {
        if (Chance(0.5)) model.IrVersion = 3;
        foreach (var tensor in _graph.Initializer)
            if (model.IrVersion == 3 || Chance(0.5)) _graph.Input.Add(Info(tensor.Name, TensorData.TypeOf(tensor), [.. tensor.Dims]));
    }

    /// <summary>Puts the last nodes into both branches of an If, with or without their weights.</summary>
    private void Branch()
    {
        if (_graph.Node.Count < 3 || _graph.Output.Count != 1) return;
        var first = _graph.Node.Count - _random.Next(1, _graph.Node.Count - 1);
        NodeProto[] moved = [.. _graph.Node.Skip(first)];
        if (moved.Any(static node => node.OpType == "Constant") || !moved[^1].Output.Contains(_graph.Output[0].Name)) return;
        var end = _graph.Output[0].Name;
        for (var i = _graph.Node.Count - 1; i >= first; i--)
            _graph.Node.RemoveAt(i);
        var (then, otherwise) = (Body(moved, "t"), Body(moved, "e"));
        _graph.Initializer.Add(TensorData.Make("condition", DataType.Bool, [(byte)_random.Next(2)], []));
        var node = Nodes.Make("If", ["condition"], [end], "if",
            new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = then },
            new AttributeProto { Name = "else_branch", Type = AttributeProto.Types.AttributeType.Graph, G = otherwise });
        _graph.Node.Add(node);
        if (Chance(0.5)) return;
        // Without a constant the runtime cannot take one of the branches in its place.
        _graph.Initializer.RemoveAt(_graph.Initializer.Count - 1);
        _graph.Input.Add(Info("condition", DataType.Bool, []));
    }

    private GraphProto Body(NodeProto[] nodes, string suffix)
    {
        var body = new GraphProto { Name = suffix };
        var made = nodes.SelectMany(static node => node.Output).ToHashSet(StringComparer.Ordinal);
        var ownWeights = Chance(0.5);
        string Renamed(string name) =>
            made.Contains(name) || (ownWeights && body.Initializer.Any(tensor => tensor.Name == name + suffix)) ? name + suffix : name;
        foreach (var node in nodes)
        {
            foreach (var tensor in node.Input.Where(_constants.ContainsKey).Select(input => _constants[input]))
            {
                if (!ownWeights || body.Initializer.Any(own => own.Name == tensor.Name + suffix)) continue;
                var copy = tensor.Clone();
                copy.Name += suffix;
                body.Initializer.Add(copy);
            }

            var inner = node.Clone();
            Rename(inner.Input, Renamed);
            Rename(inner.Output, Renamed);
            if (inner.Name.Length > 0) inner.Name += suffix;
            body.Node.Add(inner);
        }

        body.Output.Add(new ValueInfoProto
        {
            Name = Renamed(nodes[^1].Output[0]),
            Type = new() { TensorType = new() { ElemType = (int)DataType.Float } },
        });
        return body;
    }

    private static void Rename(RepeatedField<string> names, Func<string, string> rename)
    {
        for (var i = 0; i < names.Count; i++)
            names[i] = rename(names[i]);
    }

    private void Shuffle<T>(RepeatedField<T> items)
    {
        T[] shuffled = [.. items];
        _random.Shuffle(shuffled);
        items.Clear();
        items.Add(shuffled);
    }
}
