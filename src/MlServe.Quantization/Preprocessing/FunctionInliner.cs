using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing;

/// <summary>
/// Puts the nodes of a model's own functions in the place of the nodes that call them, functions within functions and calls within
/// subgraphs too.
/// </summary>
internal sealed class FunctionInliner
{
    private const int MaxDepth = 64;
    private const int MaxNodes = 1_000_000;

    private readonly LocalFunctions _functions;
    private readonly NameAllocator _names;
    private readonly List<FunctionProto> _path = [];
    private int _calls;
    private int _nodes;
    private long _bytes;

    private FunctionInliner(ModelProto model, LocalFunctions functions)
    {
        _functions = functions;
        _names = new(model);
    }

    /// <param name="model">The model; changed.</param>
    /// <param name="target">The operator set to which it will be raised: functions that stay cannot be.</param>
    /// <param name="steps">Told the steps that were done.</param>
    public static void Run(ModelProto model, int target, List<string> steps)
    {
        if (model.Functions.Count == 0) return;
        var functions = new LocalFunctions(model);
        if (functions.Obstacle is { } obstacle)
        {
            if (Graphs.OpsetOf(model) is var opset && opset > 0 && opset < target)
            {
                throw new QuantizationException(QuantizationFailure.UnsupportedOpset,
                    $"The model has {model.Functions.Count} functions of its own, which cannot be inlined and are not raised from "
                    + $"operator set {opset} to {target}: {obstacle}. " +
                    $"Export it anew with operator set {target} or higher, or with its functions inlined.");
            }

            steps.Add($"Left {model.Functions.Count} functions of the model as they are: {obstacle}.");
            return;
        }

        var inliner = new FunctionInliner(model, functions);
        inliner.Expand(model.Graph);
        functions.Forget(model);
        steps.Add($"Put the nodes of the model's own functions in the place of {inliner._calls} calls of them.");
    }

    private void Expand(GraphProto graph)
    {
        NodeProto[] nodes = [.. graph.Node];
        graph.Node.Clear();
        foreach (var node in nodes)
            Place(node, graph);
    }

    private void Place(NodeProto node, GraphProto graph)
    {
        foreach (var inner in Nodes.Subgraphs(node))
            Expand(inner);
        if (_functions.Find(node) is not { } function)
        {
            graph.Node.Add(node);
            return;
        }

        if (_path.Contains(function, ReferenceEqualityComparer.Instance))
            throw Refused(QuantizationFailure.Unreadable, function, "calls itself, which no function may");
        if (_path.Count == MaxDepth) throw Refused(QuantizationFailure.TooLarge, function, $"is called within more than {MaxDepth} others");
        _path.Add(function);
        _calls++;
        foreach (var made in new FunctionCall(function, node, _names).Body())
        {
            Count(made, function);
            Place(made, graph);
        }

        _path.RemoveAt(_path.Count - 1);
    }

    /// <summary>A few functions that call each other twice make a model of any size.</summary>
    private void Count(NodeProto node, FunctionProto function)
    {
        _nodes += 1 + Graphs.Within([node]).Sum(static graph => graph.Node.Count);
        _bytes += node.CalculateSize();
        if (_nodes > MaxNodes || _bytes > ExternalWeights.MaxBytes)
            throw Refused(
                QuantizationFailure.TooLarge, function,
                $"is called so often that the model would have more than {MaxNodes} nodes, or 2 GB");
    }

    private static QuantizationException Refused(QuantizationFailure failure, FunctionProto function, string why) =>
        new(failure, $"The model's function '{function.Name}' {why}. Export the model with its functions inlined.");
}
