using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Evaluation.Metrics;

/// <summary>The last operation of a graph before an output.</summary>
internal enum OutputEnd
{
    Other = 0,

    /// <summary>Softmax or its logarithm: scores of classes of which one is right.</summary>
    Softmax,

    /// <summary>Sigmoid: scores of which each may be right.</summary>
    Sigmoid,

    /// <summary>A product with weights.</summary>
    Product,

    /// <summary>Layer normalization, as an encoder ends.</summary>
    LayerNorm,

    /// <summary>Division by the length of a vector.</summary>
    UnitLength,

    /// <summary>Division by how many places were summed up.</summary>
    Mean,

    /// <summary>Tanh.</summary>
    Tanh,
}

/// <summary>Reads the end of a graph from its nodes.</summary>
internal sealed class OutputEnds(GraphIndex index)
{
    private readonly WrittenOutEnds _written = new(index);

    private static readonly HashSet<string> PassedOver = new(StringComparer.Ordinal)
    {
        "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Transpose", "Dropout", "Concat", "Slice",
    };

    public OutputEnd Of(string output)
    {
        var node = Last(output);
        switch (node?.OpType)
        {
            case "Softmax" or "LogSoftmax":
                return OutputEnd.Softmax;
            case "Sigmoid" or "HardSigmoid":
                return OutputEnd.Sigmoid;
            case "Tanh":
                return OutputEnd.Tanh;
            case "LpNormalization":
                return OutputEnd.UnitLength;
            case "LayerNormalization" or "SkipLayerNormalization" or "SimplifiedLayerNormalization":
                return OutputEnd.LayerNorm;
            case "MatMul" or "Gemm" or "Conv" or "FusedGemm" or "FusedMatMul":
                return OutputEnd.Product;
            case "Add" when node.Input.Count == 2:
                return OfSum(node);
            case null:
                return OutputEnd.Other;
            default:
                return _written.Of(node);
        }
    }

    /// <summary>Whether one output is computed from another.</summary>
    public bool DependsOn(string output, string other)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Stack<string>([output]);
        while (waiting.TryPop(out var value))
        {
            if (value == other && value != output) return true;
            if (!seen.Add(value) || index.ProducerOf(value) is not { } producer) continue;
            foreach (var input in producer.Input)
                waiting.Push(input);
        }

        return false;
    }

    private OutputEnd OfSum(NodeProto sum)
    {
        var constant = index.ConstantOf(sum.Input[1]) is not null ? 1 : index.ConstantOf(sum.Input[0]) is not null ? 0 : -1;
        if (constant < 0) return OutputEnd.Other;
        var added = Last(sum.Input[1 - constant]);
        if (added?.OpType is "MatMul" or "Gemm") return OutputEnd.Product;

        // x * gamma + beta, with x divided by its deviation.
        if (added is { OpType: "Mul", Input.Count: 2 })
        {
            var scaled = index.ConstantOf(added.Input[1]) is not null ? added.Input[0] : added.Input[1];
            if (index.ProducerOf(scaled) is { OpType: "Div" or "Mul" }) return OutputEnd.LayerNorm;
        }

        return OutputEnd.Other;
    }

    private NodeProto? Last(string value)
    {
        var node = index.ProducerOf(value);
        while (node is { Input.Count: > 0 } && PassedOver.Contains(node.OpType))
            node = index.ProducerOf(node.Input[0]);
        return node;
    }
}
