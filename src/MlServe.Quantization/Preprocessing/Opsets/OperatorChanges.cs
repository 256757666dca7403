using System.Collections.Frozen;

namespace MlServe.Quantization.Preprocessing.Opsets;

/// <summary>
/// The operators whose inputs, attributes or meaning a version of the standard operator set changed, up to 22, by ONNX's own change log
/// (https://github.com/onnx/onnx/blob/main/docs/Changelog.md). Operators that are not here took more types, or more attributes whose
/// defaults keep the earlier meaning.
/// </summary>
internal static class OperatorChanges
{
    private static readonly FrozenDictionary<(string Operation, int Version), Upgrade> Changes = All().ToFrozenDictionary(
        static change => (change.Operation, change.Version), static change => change.Upgrade);

    public static Upgrade? Find(string operation, int version) => Changes.GetValueOrDefault((operation, version));

    private static IEnumerable<(string Operation, int Version, Upgrade Upgrade)> All() =>
    [
        .. Each(AttributeUpgrades.Refuse, 2, "GlobalLpPool", "LpPool", "Pad", "Split"),
        .. Each(AttributeUpgrades.Refuse, 3, "GRU"),
        .. Each(AttributeUpgrades.Refuse, 4, "Concat"),
        .. Each(AttributeUpgrades.Refuse, 5, "Reshape"),
        .. Each(AttributeUpgrades.Refuse, 6, "Cast", "Tile"),
        .. Each(AttributeUpgrades.DropConsumedInputs, 6,
            "Abs", "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Dropout", "Elu", "Exp", "Floor", "HardSigmoid",
            "InstanceNormalization", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Reciprocal", "Relu", "Selu",
            "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh"),
        .. Each(BroadcastUpgrades.ToVersion7, 7, "Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor", "Gemm"),
        .. Each(AttributeUpgrades.DropIsTest, 7, "BatchNormalization", "Dropout"),
        .. Each(BroadcastUpgrades.Slope, 7, "PRelu"),
        .. Each(AttributeUpgrades.Refuse, 7, "GRU", "LSTM", "RNN", "Upsample"),
        .. Each(AttributeUpgrades.DropSpatial, 9, "BatchNormalization"),
        .. Each(AttributeUpgrades.Refuse, 9, "Scan"),
        .. Each(ResizeUpgrades.ScalesToInput, 9, "Upsample"),
        .. Each(AttributeUpgrades.DropMask, 10, "Dropout"),
        .. Each(ResizeUpgrades.ToResize, 10, "Upsample"),
        .. Each(InputUpgrades.Slice, 10, "Slice"),
        .. Each(InputUpgrades.TopK, 10, "TopK"),
        .. Each(InputUpgrades.Clip, 11, "Clip"),
        .. Each(InputUpgrades.Pad, 11, "Pad"),
        .. Each(ResizeUpgrades.Coordinates, 11, "Resize"),
        .. Each(AttributeUpgrades.Scatter, 11, "Scatter"),
        .. Each(InputUpgrades.Dropout, 12, "Dropout"),
        .. Each(InputUpgrades.Axes, 13, "ReduceSum", "Squeeze", "Unsqueeze"),
        .. Each(InputUpgrades.Split, 13, "Split"),
        .. Each(SoftmaxUpgrade.Apply, 13, "Hardmax", "LogSoftmax", "Softmax"),
        .. Each(AttributeUpgrades.OneOutput, 14, "BatchNormalization"),
        .. Each(AttributeUpgrades.RoiAlign, 16, "RoiAlign"),
        .. Each(InputUpgrades.Axes, 18,
            "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
            "ReduceSumSquare"),
        .. Each(AttributeUpgrades.SplitOutputs, 18, "Split"),
        .. Each(InputUpgrades.TransformAxis, 20, "DFT"),
        .. Each(AttributeUpgrades.GridSample, 20, "GridSample"),
        .. Each(GroupNormalizationUpgrade.Apply, 21, "GroupNormalization"),
    ];

    private static IEnumerable<(string Operation, int Version, Upgrade Upgrade)> Each(
        Upgrade upgrade, int version, params string[] operations) =>
        operations.Select(operation => (operation, version, upgrade));
}
