using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// The rules by which operators tell the sizes of their outputs, as ONNX defines them
/// (https://github.com/onnx/onnx/blob/main/docs/Operators.md). An operator without a rule tells nothing.
/// </summary>
internal static partial class ShapeRules
{
    private static readonly Dictionary<string, Action<NodeEstimate>> Rules = Build();

    /// <summary>Applies the rule of a node's operator.</summary>
    public static void Apply(NodeEstimate node)
    {
        if (Rules.TryGetValue(node.Node.OpType, out var rule)) rule(node);
    }

    private static Dictionary<string, Action<NodeEstimate>> Build()
    {
        var rules = new Dictionary<string, Action<NodeEstimate>>(StringComparer.Ordinal);
        AddElementwise(rules);
        AddMovement(rules);
        AddGenerators(rules);
        AddProducts(rules);
        AddWindows(rules);
        AddSpecial(rules);
        return rules;
    }

    private static void Each(this Dictionary<string, Action<NodeEstimate>> rules, string operators, Action<NodeEstimate> rule)
    {
        foreach (var name in operators.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            rules.Add(name, rule);
    }

    private static OnnxElementType TypeOf(NodeEstimate node, string attribute, OnnxElementType otherwise) =>
        node.Int(attribute, 0) is > 0 and < int.MaxValue and var type ? (OnnxElementType)type : otherwise;

    /// <summary>The shape of which all are stretched to; null if nothing is known of it.</summary>
    private static long[]? Broadcast(params IEnumerable<long[]?> shapes)
    {
        long[]? result = null;
        var isSure = true;
        foreach (var shape in shapes)
        {
            if (shape is null) isSure = false;
            else result = result is null ? shape : Stretch(result, shape);
        }

        // One of which nothing is known may stretch the others, and does not shrink them.
        return isSure || result is null ? result : [.. result.Select(static dim => dim > 1 ? dim : Estimate.Free)];
    }

    private static long[] Stretch(long[] left, long[] right)
    {
        var dims = new long[Math.Max(left.Length, right.Length)];
        for (var i = 1; i <= dims.Length; i++)
        {
            var a = i <= left.Length ? left[^i] : 1;
            var b = i <= right.Length ? right[^i] : 1;
            dims[^i] = a == 1 ? b : b == 1 ? a : a == Estimate.Free ? b : a;
        }

        return dims;
    }

    private static long Times(long size, double factor) =>
        size == Estimate.Free || double.IsNaN(factor)
            ? Estimate.Free
            : Estimate.ToSize(Math.Floor(Math.Max(0, size) * Math.Max(0, factor)));

    private static long Plus(long left, double right) =>
        left == Estimate.Free || double.IsNaN(right) ? Estimate.Free : Math.Max(0, Estimate.ToSize(left + right));
}
