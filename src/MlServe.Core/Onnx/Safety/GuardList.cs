using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>
/// Gathers what requests must not hold. Some operators do not look at the rank of an input, or at a number, and bring the process down.
/// They were found with ONNX Runtime 1.31 by feeding ONNX's own cases inputs of other ranks and extreme values. If such an input comes
/// straight from the request, it can be refused there.
/// </summary>
internal sealed class GuardList
{
    private readonly Dictionary<string, InputGuard> _guards = new(StringComparer.Ordinal);
    private bool _hasOpenDivision;

    /// <summary>Looks at a node.</summary>
    public void Look(NodeEstimate node)
    {
        if (IntegerDivision.IsTrapping(node) && IntegerDivision.MayBeSmallest(node.In(0)) && IntegerDivision.MayBeMinusOne(node.In(1)))
            _hasOpenDivision = true;
        if (!node.Node.IsStandard) return;
        switch (node.Node.OpType)
        {
            case "ReverseSequence":
                NeedRank(node.In(0), 2);
                NeedRank(node.In(1), 1, 1);
                break;
            case "DFT":
                NeedRank(node.In(0), 2);
                break;
            case "STFT":
                NeedRank(node.In(0), 2, 3);
                NeedRank(node.In(2), 1, 1);
                if (node.In(3).Input is { } length) Add(length, static guard => guard with { Least = Math.Max(guard.Least ?? 1, 1) });
                break;
            case "GridSample":
                NeedRank(node.In(0), 4, 5);
                NeedRank(node.In(1), 4, 5);
                break;
            case "Attention":
                for (var i = 0; i < 3; i++)
                    NeedRank(node.In(i), 3, 4);
                NeedRank(node.In(3), 2, 4);
                NeedRank(node.In(4), 4, 4);
                NeedRank(node.In(5), 4, 4);
                break;
            case "Conv" or "ConvTranspose" or "ConvInteger" or "QLinearConv" or "MaxPool" or "AveragePool" or "LpPool":
                var axes = node.Ints("kernel_shape")?.Length ?? (node.In(node.Node.OpType == "QLinearConv" ? 3 : 1).Rank - 2);
                if (axes is > 0) NeedRank(node.In(0), axes.Value + 2, axes.Value + 2);
                else NeedRank(node.In(0), 3);
                break;
            case "Einsum":
                var terms = node.Node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal).Split("->")[0].Split(',');
                for (var i = 0; i < terms.Length; i++)
                {
                    var letters = terms[i].Count(char.IsAsciiLetter);
                    NeedRank(node.In(i), letters, terms[i].Contains('.', StringComparison.Ordinal) ? int.MaxValue : letters);
                }

                break;
        }
    }

    /// <summary>The guards of the inputs of a graph.</summary>
    public IReadOnlyList<InputGuard> ToList(GraphBody main)
    {
        if (_hasOpenDivision)
        {
            foreach (var input in main.Inputs.Where(static input =>
                input.Type is { Kind: OnnxValueKind.Tensor, ElementType: OnnxElementType.Int32 or OnnxElementType.Int64 }))
                Add(input.Name, static guard => guard with { RefusesSmallest = true });
        }

        return [.. _guards.Values];
    }

    private void NeedRank(Estimate value, int least, int most = int.MaxValue)
    {
        // Of one whose shape is declared the number of axes is held to that anyway.
        if (value is { Input: { } input, Dims: null })
            Add(input, guard => guard with { MinRank = Math.Max(guard.MinRank, least), MaxRank = Math.Min(guard.MaxRank, most) });
    }

    private void Add(string input, Func<InputGuard, InputGuard> change) =>
        _guards[input] = change(_guards.GetValueOrDefault(input) ?? new(input));
}
