using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>GroupNormalization had a scale and a bias for each group; since 21 it has them for each channel.</summary>
internal static class GroupNormalizationUpgrade
{
    public static void Apply(NodeProto node, UpgradeScope scope)
    {
        var groups = Nodes.Find(node, "num_groups")?.I ?? throw scope.Refuse(node, "it has no 'num_groups'");
        var (channels, perGroup, grid) = (scope.NewName("s"), scope.NewName("s"), scope.NewName("s"));
        scope.Add(Nodes.Make("Shape", [node.Input[0]], [channels], scope.NewName("Shape"), Nodes.Int("start", 1), Nodes.Int("end", 2)));
        scope.Add(Nodes.Make("Div", [channels, scope.Integers(groups)], [perGroup], scope.NewName("Div")));
        scope.Add(Nodes.Make("Concat", [scope.Integers(1), perGroup], [grid], scope.NewName("Concat"), Nodes.Int("axis", 0)));
        for (var input = 1; input <= 2; input++)
            node.Input[input] = Repeat(node.Input[input], grid, scope);
        scope.Add(node);
    }

    private static string Repeat(string perGroup, string grid, UpgradeScope scope)
    {
        var (column, repeated, flat) = (scope.NewName("g"), scope.NewName("g"), scope.NewName("g"));
        scope.Add(Nodes.Make("Reshape", [perGroup, scope.Integers(-1, 1)], [column], scope.NewName("Reshape")));
        scope.Add(Nodes.Make("Expand", [column, grid], [repeated], scope.NewName("Expand")));
        scope.Add(Nodes.Make("Reshape", [repeated, scope.Integers(-1)], [flat], scope.NewName("Reshape")));
        return flat;
    }
}
