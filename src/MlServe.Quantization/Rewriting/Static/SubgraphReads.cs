using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Rewriting.Static;

/// <summary>
/// Values that a subgraph reads behind operators which only rearrange them. ONNX Runtime (1.31.1) moves QuantizeLinear and DequantizeLinear
/// past such operators. It looks for the reader among the inputs of the node that holds the subgraph. The reader is not there, and the
/// runtime ends the process.
/// </summary>
internal sealed class SubgraphReads(GraphIndex index)
{
    private static readonly HashSet<string> Rearranging = new(StringComparer.Ordinal)
    {
        "MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Flatten", "Identity", "Dropout",
    };

    public const string Reason =
        "a subgraph reads its output behind an operator that rearranges it, and ONNX Runtime does not survive that with integers";

    /// <summary>Whether the runtime moves roundings past an operator.</summary>
    public static bool IsRearranging(NodeProto node) => Nodes.IsStandard(node) && Rearranging.Contains(node.OpType);

    /// <summary>Whether what a node gives comes to a subgraph so.</summary>
    public bool Has(NodeProto node)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Stack<(string Value, bool IsRearranged)>(node.Output.Where(static output => output.Length > 0)
            .Select(static output => (output, false)));
        while (waiting.TryPop(out var next))
        {
            foreach (var use in index.UsesOf(next.Value))
            {
                if (use.IsFromSubgraph)
                {
                    if (next.IsRearranged) return true;
                    continue;
                }

                var isRearranging = use.Input == 0 && IsRearranging(use.Node);
                if (!isRearranging && use.Node.OpType is not ("Relu" or "Clip")) continue;
                foreach (var output in use.Node.Output)
                {
                    if (output.Length > 0 && seen.Add($"{output}:{isRearranging || next.IsRearranged}"))
                        waiting.Push((output, isRearranging || next.IsRearranged));
                }
            }
        }

        return false;
    }
}
