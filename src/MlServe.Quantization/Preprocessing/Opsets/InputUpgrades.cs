using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>Attributes that became inputs.</summary>
internal static class InputUpgrades
{
    public static void Slice(NodeProto node, UpgradeScope scope)
    {
        var starts = Nodes.Ints(node, "starts") ?? throw scope.Refuse(node, "it has no 'starts'");
        var ends = Nodes.Ints(node, "ends") ?? throw scope.Refuse(node, "it has no 'ends'");
        node.Input.Add(scope.Integers(starts));
        node.Input.Add(scope.Integers(ends));
        if (Nodes.Ints(node, "axes") is { } axes) node.Input.Add(scope.Integers(axes));
        Remove(node, "starts", "ends", "axes");
        scope.Add(node);
    }

    public static void TopK(NodeProto node, UpgradeScope scope)
    {
        var count = Nodes.Find(node, "k")?.I ?? throw scope.Refuse(node, "it has no 'k'");
        node.Input.Add(scope.Integers(count));
        Remove(node, "k");
        scope.Add(node);
    }

    public static void Clip(NodeProto node, UpgradeScope scope)
    {
        var min = Nodes.Find(node, "min");
        var max = Nodes.Find(node, "max");
        if (min is not null || max is not null) node.Input.Add(min is null ? "" : scope.ScalarLike(node, node.Input[0], min.F));
        if (max is not null) node.Input.Add(scope.ScalarLike(node, node.Input[0], max.F));
        Remove(node, "min", "max");
        scope.Add(node);
    }

    public static void Pad(NodeProto node, UpgradeScope scope)
    {
        node.Input.Add(scope.Integers(Nodes.Ints(node, "pads") ?? throw scope.Refuse(node, "it has no 'pads'")));
        var value = Nodes.Float(node, "value", 0);
        if (value != 0 && Nodes.Text(node, "mode", "constant") == "constant") node.Input.Add(scope.ScalarLike(node, node.Input[0], value));
        Remove(node, "pads", "value");
        scope.Add(node);
    }

    /// <summary>The ratio matters only if it trains, and it is carried along.</summary>
    public static void Dropout(NodeProto node, UpgradeScope scope)
    {
        if (Nodes.Find(node, "ratio") is { } ratio) node.Input.Add(scope.Float(ratio.F));
        Remove(node, "ratio");
        AttributeUpgrades.DropMask(node, scope);
    }

    public static void Axes(NodeProto node, UpgradeScope scope)
    {
        if (Nodes.Ints(node, "axes") is { } axes) node.Input.Add(scope.Integers(axes));
        Remove(node, "axes");
        scope.Add(node);
    }

    public static void Split(NodeProto node, UpgradeScope scope)
    {
        if (Nodes.Ints(node, "split") is { Length: > 0 } sizes) node.Input.Add(scope.Integers(sizes));
        Remove(node, "split");
        scope.Add(node);
    }

    public static void TransformAxis(NodeProto node, UpgradeScope scope)
    {
        if (node.Input.Count < 2) node.Input.Add("");
        node.Input.Add(scope.Integer(Nodes.Int(node, "axis", 1)));
        Remove(node, "axis");
        scope.Add(node);
    }

    private static void Remove(NodeProto node, params ReadOnlySpan<string> attributes)
    {
        foreach (var attribute in attributes)
            Nodes.Remove(node, attribute);
    }
}
