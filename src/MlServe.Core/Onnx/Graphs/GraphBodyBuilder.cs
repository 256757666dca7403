using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>Gathers what a graph has, and puts its nodes in order.</summary>
internal sealed class GraphBodyBuilder
{
    private const int MaxFaults = 8;

    private readonly List<string> _faults = [];

    public List<OnnxValueInfo> Inputs { get; } = [];

    public List<OnnxValueInfo> Outputs { get; } = [];

    public List<OnnxValueInfo> Declared { get; } = [];

    public List<GraphTensor> Initializers { get; } = [];

    public List<GraphNode> Nodes { get; } = [];

    public GraphBody Build(string name)
    {
        var initializers = new Dictionary<string, GraphTensor>();
        foreach (var tensor in Initializers)
        {
            if (!initializers.TryAdd(tensor.Name, tensor)) AddFault($"two initializers have the name '{tensor.Name}'");
        }

        var inputs = new HashSet<string>();
        foreach (var input in Inputs)
        {
            if (!inputs.Add(input.Name)) AddFault($"two inputs have the name '{input.Name}'");
        }

        var makers = new Dictionary<string, int>();
        for (var i = 0; i < Nodes.Count; i++)
        {
            foreach (var output in Nodes[i].Outputs)
            {
                if (output.Length == 0) continue;
                if (!makers.TryAdd(output, i) || inputs.Contains(output)
                    || initializers.ContainsKey(output)) AddFault($"'{output}' is made twice");
            }
        }

        return new()
        {
            Name = name,
            Inputs = [.. Inputs.Select(input => input with { HasDefault = initializers.ContainsKey(input.Name) })],
            Outputs = Outputs,
            Declared = Declared,
            Initializers = initializers,
            Nodes = Order(makers),
            Free = FindFree(inputs, initializers, makers),
            Faults = _faults,
        };
    }

    private string[] FindFree(HashSet<string> inputs, Dictionary<string, GraphTensor> initializers, Dictionary<string, int> makers)
    {
        var free = new HashSet<string>();
        foreach (var name in Nodes.SelectMany(static node => node.Inputs.Concat(node.Captured))
            .Concat(Outputs.Select(static output => output.Name)))
        {
            if (name.Length > 0 && !inputs.Contains(name) && !initializers.ContainsKey(name) && !makers.ContainsKey(name)) free.Add(name);
        }

        return [.. free];
    }

    /// <summary>The nodes, each behind those it depends on; in the file's own order if that is one.</summary>
    private List<GraphNode> Order(Dictionary<string, int> makers)
    {
        var waitsFor = new int[Nodes.Count];
        var unblocks = new List<int>?[Nodes.Count];
        var isOrdered = true;
        for (var i = 0; i < Nodes.Count; i++)
        {
            foreach (var name in Nodes[i].Inputs.Concat(Nodes[i].Captured))
            {
                if (!makers.TryGetValue(name, out var maker)) continue;
                waitsFor[i]++;
                (unblocks[maker] ??= []).Add(i);
                isOrdered &= maker < i;
            }
        }

        if (isOrdered) return Nodes;

        var ready = new PriorityQueue<int, int>();
        for (var i = 0; i < Nodes.Count; i++)
        {
            if (waitsFor[i] == 0) ready.Enqueue(i, i);
        }

        var ordered = new List<GraphNode>(Nodes.Count);
        while (ready.TryDequeue(out var next, out _))
        {
            ordered.Add(Nodes[next]);
            foreach (var follower in unblocks[next] ?? [])
            {
                if (--waitsFor[follower] == 0) ready.Enqueue(follower, follower);
            }
        }

        if (ordered.Count < Nodes.Count) AddFault($"{Nodes.Count - ordered.Count} nodes wait for each other");
        for (var i = 0; i < Nodes.Count; i++)
        {
            if (waitsFor[i] > 0) ordered.Add(Nodes[i]);
        }

        return ordered;
    }

    private void AddFault(string fault)
    {
        if (_faults.Count < MaxFaults) _faults.Add(fault);
    }
}
