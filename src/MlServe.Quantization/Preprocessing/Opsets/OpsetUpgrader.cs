using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// Raises the standard operator set of a model, version after version, so that it computes the same. An operator that cannot be raised
/// without a change of meaning is refused by name.
/// </summary>
internal static class OpsetUpgrader
{
    public static void Run(ModelProto model, int target, List<string> steps)
    {
        var from = Graphs.OpsetOf(model);
        if (from == 0 || from >= target) return;
        CheckOperators(model, from, target);
        var scope = new UpgradeScope(model, from, target);
        foreach (var graph in Graphs.Of(model).ToArray())
        {
            for (var version = (int)from + 1; version <= target; version++)
                Upgrade(graph, version, scope);
        }

        model.Graph.Initializer.Add(scope.Constants);
        foreach (var opset in model.OpsetImport)
        {
            if (opset.Domain is "" or "ai.onnx") opset.Version = target;
        }

        model.IrVersion = Math.Max(model.IrVersion, FormatOf(target));
        var changed = scope.Changed.Count == 0
            ? "none of its operators changed its form"
            : "rewrote " + string.Join(", ", scope.Changed.Select(static pair => $"{pair.Value} {pair.Key}"));
        steps.Add($"Raised the operator set from {from} to {target}; {changed}.");
    }

    /// <summary>The version of the format that came with an operator set (the table in ONNX's Versioning.md).</summary>
    private static long FormatOf(int opset) => opset switch
    {
        <= 14 => 7,
        <= 18 => 8,
        <= 20 => 9,
        _ => 10,
    };

    private static void CheckOperators(ModelProto model, long from, int target)
    {
        foreach (var node in Graphs.Of(model).SelectMany(static graph => graph.Node).Where(Nodes.IsStandard))
        {
            if (StandardOperators.Contains(node.OpType)) continue;
            throw new QuantizationException(QuantizationFailure.UnsupportedOpset,
                $"Node '{Nodes.NameOf(node)}' is a {node.OpType}, which is no standard operator that this library knows, so that it "
                + $"cannot say whether operator set {target} " +
                $"changed its meaning. Export the model anew with operator set {target} or higher.");
        }
    }

    private static void Upgrade(GraphProto graph, int version, UpgradeScope scope)
    {
        if (!graph.Node.Any(node => Nodes.IsStandard(node) && OperatorChanges.Find(node.OpType, version) is not null)) return;
        NodeProto[] nodes = [.. graph.Node];
        graph.Node.Clear();
        scope.Enter(graph, version);
        foreach (var node in nodes)
        {
            if (Nodes.IsStandard(node) && OperatorChanges.Find(node.OpType, version) is { } change) scope.Apply(change, node);
            else graph.Node.Add(node);
        }
    }
}
