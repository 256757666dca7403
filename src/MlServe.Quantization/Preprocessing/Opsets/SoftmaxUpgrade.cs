using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// Softmax and its like worked on all elements from an axis on, the second by default; since 13 they work along one axis alone. That is the
/// same if it is the last; otherwise the flattening that the operator did is written out.
/// </summary>
internal static class SoftmaxUpgrade
{
    private const long DefaultAxis = 1;

    public static void Apply(NodeProto node, UpgradeScope scope)
    {
        var axis = Nodes.Int(node, "axis", DefaultAxis);
        Nodes.Remove(node, "axis");
        node.Attribute.Add(Nodes.Int("axis", -1));
        if (axis == -1 || (scope.RankOf(node.Input[0]) is { } rank && axis == rank - 1))
        {
            scope.Add(node);
            return;
        }

        var (input, output) = (node.Input[0], node.Output[0]);
        var (shape, flat, result) = (scope.NewName("s"), scope.NewName("f"), scope.NewName("p"));
        scope.Add(Nodes.Make("Shape", [input], [shape], scope.NewName("Shape")));
        scope.Add(Nodes.Make("Flatten", [input], [flat], scope.NewName("Flatten"), Nodes.Int("axis", axis)));
        node.Input[0] = flat;
        node.Output[0] = result;
        scope.Add(node);
        scope.Add(Nodes.Make("Reshape", [result, shape], [output], scope.NewName("Reshape")));
    }
}
