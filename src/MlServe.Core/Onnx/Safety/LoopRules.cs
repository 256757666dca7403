using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>How often the bodies of loops run, those of loops within loops multiplied.</summary>
internal sealed class LoopRules(OnnxInspectionLimits limits)
{
    private readonly Stack<double> _trips = new([1]);

    /// <summary>Begins a body that runs so often each time that the body around it runs.</summary>
    public void Enter(double trips, string who)
    {
        var all = _trips.Peek() * Math.Max(1, trips);
        if (double.IsPositiveInfinity(all))
            throw Refusals.TooLarge(
                $"nothing ends {who}: it has no count, and its condition is always true", nameof(limits.MaxLoopTrips), limits.MaxLoopTrips);
        if (all > limits.MaxLoopTrips)
        {
            var count = all.ToString(all < 1e15 ? "F0" : "0.0e+0", System.Globalization.CultureInfo.InvariantCulture);
            throw Refusals.TooLarge(
                $"the body of {who} runs {count} times", nameof(limits.MaxLoopTrips), limits.MaxLoopTrips);
        }

        _trips.Push(all);
    }

    public void Leave() => _trips.Pop();

    /// <summary>
    /// Whether a condition is always true, for a body that runs only while it is. It is then handed on as it is, or made of values that do
    /// not change.
    /// </summary>
    public static bool IsAlwaysTrue(GraphBody body, EstimateScope outer)
    {
        if (body.Outputs.Count == 0) return false;
        var makers = new Dictionary<string, GraphNode>(StringComparer.Ordinal);
        foreach (var node in body.Nodes)
        {
            foreach (var output in node.Outputs)
                makers.TryAdd(output, node);
        }

        return Truth(body.Outputs[0].Name, body, makers, outer, depth: 0) == true;
    }

    /// <summary>How many steps a Scan takes, and from which of its inputs on it takes them; 1 if that is not known.</summary>
    public static (double Trips, int From) StepsOfScan(NodeEstimate node)
    {
        var scanned = node.Int("num_scan_inputs", 0);
        var from = node.InputCount - scanned;
        if (scanned < 1 || from < 0 || node.Opset < 9) return (1, -1);
        var dims = node.In((int)from).Dims;
        var axis = node.Ints("scan_input_axes") is [var first, ..] ? first : 0;
        return (dims is not null && NodeEstimate.Axis(axis, dims.Length) is { } at && dims[at] >= 0 ? dims[at] : 1, (int)from);
    }

    /// <summary>Gives a Scan's body its state, and of what it scans a step.</summary>
    public static void GiveSteps(NodeEstimate node, GraphBody body, EstimateScope inner, int from)
    {
        for (var i = 0; i < Math.Min(body.Inputs.Count, node.InputCount); i++)
        {
            var value = node.In(i);
            var axis = i < from
                ? null
                : NodeEstimate.Axis(
                    node.Ints("scan_input_axes") is { } axes && i - from < axes.Length ? axes[i - from] : 0, value.Rank ?? 0);
            var step = i < from
                ? Estimate.Of(value.Type, value.Dims)
                : Estimate.Of(value.Type, axis is { } at ? [.. value.Dims!.Where((_, k) => k != at)] : null);
            inner[body.Inputs[i].Name] = value.MakesLeast ? step.AsLeast(value.MakesLeastRank) : step;
        }
    }

    /// <summary>The outputs of a Scan: the state, and of each other output all steps.</summary>
    public static void TakeSteps(NodeEstimate node, GraphBody body, EstimateScope inner, int from, double trips)
    {
        for (var i = 0; i < body.Outputs.Count; i++)
        {
            var value = inner[body.Outputs[i].Name];
            node.Out(i, Estimate.Of(value.Type, value.Dims is not { } dims ? null : i < from ? dims : [Estimate.ToSize(trips), .. dims]));
        }
    }

    private static bool? Truth(string name, GraphBody body, Dictionary<string, GraphNode> makers, EstimateScope outer, int depth)
    {
        const int MaxDepth = 32;
        if (depth > MaxDepth) return null;
        if (body.Inputs.Count > 1 && name == body.Inputs[1].Name) return true;
        if (body.Inputs.Any(input => input.Name == name)) return null;
        if (body.Initializers.TryGetValue(name, out var tensor)) return Truth(tensor);
        if (!makers.TryGetValue(name, out var node)) return outer[name] is { IsConstant: true, Numbers: [var number] } ? number != 0 : null;
        if (node.TryGetConstant(out var constant)) return Truth(constant);
        if (!node.IsStandard || node.Inputs.Length == 0) return null;
        bool? Of(int input) => Truth(node.Inputs[input], body, makers, outer, depth + 1);
        return (node.OpType, node.Inputs.Length) switch
        {
            ("Identity" or "Cast" or "Squeeze" or "Unsqueeze" or "Reshape", _) => Of(0),
            ("Not", 1) => !Of(0),
            ("And", 2) => Of(0) is var left && left == false ? false : Of(1) is var right && right == false ? false : left & right,
            ("Or", 2) => Of(0) is var left && left == true ? true : Of(1) is var right && right == true ? true : left | right,
            _ => null,
        };
    }

    private static bool? Truth(GraphTensor tensor) => tensor.Integers is [var truth] ? truth != 0 : null;
}
