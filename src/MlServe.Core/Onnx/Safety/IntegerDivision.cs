using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Divisions of integers. The processor traps if the smallest integer is divided by -1, and the runtime does not look (1.31; division by
/// zero it does refuse). Narrower integers are divided as 32 bits, and do not trap. Numbers that are made of sizes which are only the least
/// may be any others.
/// </summary>
internal static class IntegerDivision
{
    public static bool IsTrapping(NodeEstimate node)
    {
        if (!node.Node.IsStandard || node.Node.OpType is not ("Div" or "Mod")) return false;
        if (node.Node.OpType == "Mod" && node.Int("fmod", 0) != 0) return false;
        return node.In(0).Type is OnnxElementType.Int32 or OnnxElementType.Int64 or OnnxElementType.Undefined
            && node.In(1).Type is OnnxElementType.Int32 or OnnxElementType.Int64 or OnnxElementType.Undefined
            && (node.In(0).Type != OnnxElementType.Undefined || node.In(1).Type != OnnxElementType.Undefined);
    }

    public static bool MayBeSmallest(Estimate dividend) => dividend is not { IsLeast: false, Numbers: { } numbers }
        || Array.Exists(
            numbers, number => double.IsNaN(number) || number == (dividend.Type == OnnxElementType.Int32 ? int.MinValue : long.MinValue));

    public static bool MayBeMinusOne(Estimate divisor) =>
        divisor is not { IsLeast: false, Numbers: { } numbers }
        || Array.Exists(numbers, static number => double.IsNaN(number) || number == -1);
}
