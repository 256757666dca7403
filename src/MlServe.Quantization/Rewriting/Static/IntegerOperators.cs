using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>The abilities of ONNX Runtime's processor kernels on integers, besides multiplying with weights.</summary>
internal static class IntegerOperators
{
    /// <summary>Whether an operator can take integers and give integers.</summary>
    public static bool PassOn(NodeProto node)
    {
        if (!Nodes.IsStandard(node) || node.Output.Count != 1 || node.Input.Count == 0) return false;
        return node.OpType switch
        {
            "Add" => node.Input.Count == 2,
            "Concat" or "AveragePool" or "GlobalAveragePool" => true,
            "MaxPool" or "Reshape" or "Flatten" or "Transpose" or "Squeeze" or "Unsqueeze" => true,
            "Resize" =>
                Nodes.Text(node, "mode", "nearest") == "nearest"
                && Nodes.Text(node, "coordinate_transformation_mode", "") != "tf_crop_and_resize",
            _ => false,
        };
    }

    /// <summary>Whether the operator only rearranges or selects elements, so that its output has the scale of its input.</summary>
    public static bool KeepsRange(NodeProto node) =>
        Nodes.IsStandard(node) && node.OpType is "MaxPool" or "Reshape" or "Flatten" or "Transpose" or "Squeeze" or "Unsqueeze" or "Resize";

    /// <summary>Whether an input holds elements, and not a shape or axes.</summary>
    public static bool IsData(NodeProto node, int input) => input == 0 || (input > 0 && node.OpType is "Add" or "Concat");

    /// <summary>Whether an operator only cuts off values outside a range that holds 0, as rounding to integers does by itself.</summary>
    public static bool IsClamp(NodeProto node, GraphIndex index)
    {
        if (Nodes.Is(node, "Relu")) return true;
        return Nodes.Is(node, "Clip") && LimitOf(node, 1, float.MinValue, index) is <= 0 && LimitOf(node, 2, float.MaxValue, index) is > 0;
    }

    /// <summary>Why an operator that multiplies with no weights stays float.</summary>
    public static string WhyNot(NodeProto node)
    {
        if (Nodes.Subgraphs(node).Any()) return "its subgraphs stay FP32 in a static plan";
        return PassOn(node) ? "not between quantized operators" : "not an operator that gains from integers";
    }

    /// <summary>A limit of a Clip; null if it is computed.</summary>
    public static float? LimitOf(NodeProto node, int input, float otherwise, GraphIndex index)
    {
        if (node.Input.Count <= input || node.Input[input].Length == 0) return otherwise;
        if (index.ConstantOf(node.Input[input]) is not { } tensor || TensorData.TypeOf(tensor) != TensorProto.Types.DataType.Float)
            return null;
        return TensorData.Floats(tensor) is [var limit] ? limit : null;
    }
}
