using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Counts the nodes that there are once every call of a function is replaced by the nodes that it calls. Functions that call others ten
/// times each make ten million nodes of 1.5 kB. Functions that lead back to themselves are refused; ONNX does not allow them.
/// </summary>
internal sealed class FunctionExpansion(OnnxGraph graph, OnnxInspectionLimits limits)
{
    private readonly Dictionary<GraphFunction, long> _counts = [];
    private readonly HashSet<GraphFunction> _open = [];

    /// <exception cref="ModelLoadException">There are too many, or a function leads back to itself.</exception>
    public void Check()
    {
        // Those that nobody calls are compiled by nobody; a cycle among them is refused all the same.
        foreach (var function in graph.Functions)
            CountOf(function, depth: 0);
        var count = CountOf(graph.Main, depth: 0);
        if (count > limits.MaxExpandedNodes)
        {
            throw Refusals.TooLarge(
                "its functions expand to "
                    + $"{(count == long.MaxValue ? "more than can be counted" : FormattableString.Invariant($"{count}"))} nodes",
                nameof(limits.MaxExpandedNodes), limits.MaxExpandedNodes);
        }
    }

    private long CountOf(GraphFunction function, int depth)
    {
        if (_counts.TryGetValue(function, out var known)) return known;
        if (!_open.Add(function))
        {
            throw new ModelLoadException(ModelLoadFailure.Malformed,
                $"This is not a valid ONNX model: its function {Refusals.Quote(function.Name)} calls itself, by way of others perhaps. "
                    + "Functions are put in the place of their calls, which would never end.");
        }

        // Functions nest by calls, to which the file sets no bound.
        if (depth > Refusals.MaxCallDepth)
            throw Refusals.TooLarge(
                $"its functions call each other more than {Refusals.MaxCallDepth} deep", nameof(limits.MaxExpandedNodes),
                limits.MaxExpandedNodes);
        var count = CountOf(function.Body, depth + 1);
        _open.Remove(function);
        return _counts[function] = count;
    }

    private long CountOf(GraphBody body, int depth)
    {
        long count = 0;
        foreach (var node in body.Nodes)
        {
            count = Add(count, graph.FindFunction(node) is { } function ? CountOf(function, depth) : 1);
            foreach (var inner in node.Attributes.SelectMany(static attribute => attribute.Bodies))
                count = Add(count, CountOf(inner, depth));
        }

        return count;
    }

    private static long Add(long left, long right) => left > long.MaxValue - right ? long.MaxValue : left + right;
}
