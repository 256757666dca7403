using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>
/// Knows the ends of graphs that an exporter wrote with several operators although one would do, as those from JAX and TensorFlow are.
/// </summary>
internal sealed class WrittenOutEnds(GraphIndex index)
{
    private const int MaxSteps = 8;

    private static readonly HashSet<string> KeepsMeaning = new(StringComparer.Ordinal)
    {
        "Expand", "Clip", "Max", "Unsqueeze", "Squeeze", "Reshape", "Identity", "Cast",
    };

    public OutputEnd Of(NodeProto node) => node switch
    {
        { OpType: "Div", Input.Count: 2 } =>
            IsSigmoid(node.Input[1]) && IsConstant(node.Input[0]) ? OutputEnd.Sigmoid : OfQuotient(node.Input[0], node.Input[1]),
        { OpType: "Mul", Input.Count: 2 } => OfProduct(node),
        { OpType: "Reciprocal" } when IsSigmoid(node.Input[0]) => OutputEnd.Sigmoid,
        { OpType: "Sub", Input.Count: 2 } when IsLogOfSum(node.Input[1]) => OutputEnd.Softmax,
        _ => OutputEnd.Other,
    };

    private OutputEnd OfProduct(NodeProto product)
    {
        for (var i = 0; i < 2; i++)
        {
            if (Behind(product.Input[i]) is { OpType: "Reciprocal" } reciprocal)
                return OfQuotient(product.Input[1 - i], reciprocal.Input[0]);
        }

        return OutputEnd.Other;
    }

    /// <summary>Exp(x) by its own sum, a vector by its length, or a sum by a count.</summary>
    private OutputEnd OfQuotient(string dividend, string divisor)
    {
        var isRoot = false;
        for (var i = 0; i < MaxSteps && Behind(divisor) is { } node; i++)
        {
            switch (node.OpType)
            {
                case "ReduceL2":
                    return OutputEnd.UnitLength;
                case "ReduceSumSquare" or "ReduceSum" when isRoot:
                    return OutputEnd.UnitLength;
                case "ReduceSum" or "ReduceL1" when IsSame(dividend, node.Input[0]):
                    return Behind(dividend) is { OpType: "Exp" } ? OutputEnd.Softmax : OutputEnd.Other;
                case "ReduceSum":
                    return Behind(dividend) is { OpType: "ReduceSum" or "MatMul" } ? OutputEnd.Mean : OutputEnd.Other;
                case "Sqrt" or "Pow":
                    isRoot = true;
                    divisor = node.Input[0];
                    break;
                case "Add" when IsConstant(node.Input[1]) || IsConstant(node.Input[0]):
                    divisor = IsConstant(node.Input[1]) ? node.Input[0] : node.Input[1];
                    break;
                default:
                    return OutputEnd.Other;
            }
        }

        return OutputEnd.Other;
    }

    /// <summary>Whether a value is 1 + Exp(-x).</summary>
    private bool IsSigmoid(string value) =>
        Behind(value) is { OpType: "Add", Input.Count: 2 } sum && sum.Input.Any(IsConstant)
        && sum.Input.Any(input => Behind(input) is { OpType: "Exp" });

    private bool IsLogOfSum(string value) =>
        Behind(value) is { } node
        && (node.OpType == "ReduceLogSumExp"
            || (node.OpType == "Log" && Behind(node.Input[0]) is { OpType: "ReduceSum" } sum && Behind(sum.Input[0]) is { OpType: "Exp" }));

    private bool IsSame(string one, string other) => one == other || (Behind(one) is { } node && ReferenceEquals(node, Behind(other)));

    private bool IsConstant(string value) => index.ConstantOf(value) is not null;

    /// <summary>The operator that makes a value, past those that change its shape or bound it.</summary>
    private NodeProto? Behind(string value)
    {
        var node = index.ProducerOf(value);
        for (var i = 0; i < MaxSteps && node is { Input.Count: > 0 } && KeepsMeaning.Contains(node.OpType); i++)
            node = index.ProducerOf(node.OpType == "Max" && IsConstant(node.Input[0]) ? node.Input[1] : node.Input[0]);
        return node;
    }
}
