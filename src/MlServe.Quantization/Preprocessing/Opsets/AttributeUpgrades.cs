using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>Changes of attributes, names and outputs.</summary>
internal static class AttributeUpgrades
{
    public static void Refuse(NodeProto node, UpgradeScope scope) => throw scope.Refuse(node, "this library has no rule for it");

    public static void DropConsumedInputs(NodeProto node, UpgradeScope scope)
    {
        Nodes.Remove(node, "consumed_inputs");
        scope.Add(node);
    }

    public static void DropIsTest(NodeProto node, UpgradeScope scope)
    {
        if (Nodes.Int(node, "is_test", 0) == 0) throw scope.Refuse(node, "its is_test is 0, so that it trains");
        Nodes.Remove(node, "is_test");
        scope.Add(node);
    }

    public static void DropSpatial(NodeProto node, UpgradeScope scope)
    {
        if (Nodes.Int(node, "spatial", 1) != 1) throw scope.Refuse(node, "its spatial is 0, so that each element has a mean of its own");
        Nodes.Remove(node, "spatial");
        scope.Add(node);
    }

    /// <summary>The mask became boolean in 10, and in 12 true for an element that is kept; one that nothing reads can go.</summary>
    public static void DropMask(NodeProto node, UpgradeScope scope)
    {
        if (node.Output.Count > 1)
        {
            if (scope.IsRead(node.Output[1])) throw scope.Refuse(node, "its mask is read, and later the mask has another form");
            node.Output.RemoveAt(1);
        }

        scope.Add(node);
    }

    public static void Scatter(NodeProto node, UpgradeScope scope)
    {
        node.OpType = "ScatterElements";
        scope.Add(node);
    }

    /// <summary>Statistics are outputs only if it trains since 14.</summary>
    public static void OneOutput(NodeProto node, UpgradeScope scope)
    {
        if (node.Output.Skip(1).Any(scope.IsRead)) throw scope.Refuse(node, "its mean or variance is read, so that it trains");
        while (node.Output.Count > 1)
            node.Output.RemoveAt(node.Output.Count - 1);
        scope.Add(node);
    }

    /// <summary>Pixels are taken at their centres by default since 16.</summary>
    public static void RoiAlign(NodeProto node, UpgradeScope scope)
    {
        node.Attribute.Add(Nodes.Text("coordinate_transformation_mode", "output_half_pixel"));
        scope.Add(node);
    }

    /// <summary>Equal parts are asked for by their number since 18.</summary>
    public static void SplitOutputs(NodeProto node, UpgradeScope scope)
    {
        if (node.Input.Count < 2 || node.Input[1].Length == 0) node.Attribute.Add(Nodes.Int("num_outputs", node.Output.Count));
        scope.Add(node);
    }

    public static void GridSample(NodeProto node, UpgradeScope scope)
    {
        var mode = Nodes.Text(node, "mode", "bilinear");
        Nodes.Remove(node, "mode");
        node.Attribute.Add(Nodes.Text("mode", mode switch { "bilinear" => "linear", "bicubic" => "cubic", _ => mode }));
        scope.Add(node);
    }
}
