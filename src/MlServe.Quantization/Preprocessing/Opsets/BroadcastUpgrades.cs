using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// Operators whose second operand was fitted to the first by attributes; since 7 it is by the shapes, from the last axis on.
/// </summary>
internal static class BroadcastUpgrades
{
    public static void ToVersion7(NodeProto node, UpgradeScope scope)
    {
        if (Nodes.Int(node, "broadcast", 0) != 0 && Nodes.Find(node, "axis") is { } axis && !IsLast(node, axis.I, scope))
            throw scope.Refuse(node, $"its second operand lies along the first from axis {axis.I} on, and may not end with its last axis");
        Nodes.Remove(node, "broadcast");
        Nodes.Remove(node, "axis");
        scope.Add(node);
    }

    /// <summary>A slope for each channel had one axis; it would now be fitted to the last.</summary>
    public static void Slope(NodeProto node, UpgradeScope scope)
    {
        if (scope.CountOf(node.Input[1]) != 1 && scope.RankOf(node.Input[0]) != 2)
            throw scope.Refuse(node, "its slopes are not fitted to the channels any more");
        scope.Add(node);
    }

    private static bool IsLast(NodeProto node, long axis, UpgradeScope scope) =>
        scope.RankOf(node.Input[0]) is { } left && scope.RankOf(node.Input[1]) is { } right
        && (axis < 0 ? axis + left : axis) + right == left;
}
