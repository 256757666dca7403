using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>Upsample, and Resize that followed it.</summary>
internal static class ResizeUpgrades
{
    public static void ScalesToInput(NodeProto node, UpgradeScope scope)
    {
        var scales = Nodes.Find(node, "scales") ?? throw scope.Refuse(node, "it has no 'scales'");
        node.Input.Add(scope.Floats([.. scales.Floats]));
        node.Attribute.Remove(scales);
        scope.Add(node);
    }

    public static void ToResize(NodeProto node, UpgradeScope scope)
    {
        node.OpType = "Resize";
        scope.Add(node);
    }

    /// <summary>
    /// Coordinates were scaled from the corner. The runtime rounds them down if it enlarges and up if it shrinks; since 11 one rule
    /// holds for all axes of a node.
    /// </summary>
    public static void Coordinates(NodeProto node, UpgradeScope scope)
    {
        node.Attribute.Add(Nodes.Text("coordinate_transformation_mode", "asymmetric"));
        if (Nodes.Text(node, "mode", "nearest") == "nearest") node.Attribute.Add(Nodes.Text("nearest_mode", RoundingOf(node, scope)));
        node.Input.Insert(1, "");
        scope.Add(node);
    }

    private static string RoundingOf(NodeProto node, UpgradeScope scope)
    {
        var scales = scope.FloatsOf(node.Input[1])
            ?? throw scope.Refuse(
                node, $"its scales '{node.Input[1]}' are not constant, so that it is not known whether it enlarges or shrinks");
        if (scales.All(static scale => scale >= 1)) return "floor";
        if (scales.All(static scale => scale <= 1)) return "ceil";
        throw scope.Refuse(node, "it enlarges along one axis and shrinks along another");
    }
}
