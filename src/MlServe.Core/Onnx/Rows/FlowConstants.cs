using MlServe.Onnx.Graphs;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Rows;

/// <summary>The facts about a tensor that stands in the file.</summary>
internal static class FlowConstants
{
    public static FlowValue Of(GraphTensor tensor, Symbols symbols)
    {
        var dims = Array.ConvertAll(tensor.Dims, Size.Of);
        if (tensor.Count > FlowValue.MaxTerms) return FlowValue.Shared(dims);
        if (tensor.Integers is { } integers && tensor.ElementType != OnnxElementType.UInt64)
            return FlowValue.OfTerms(dims, Array.ConvertAll(integers, static value => (Term?)Term.Of(value)), isReal: false);
        return tensor.Numbers is { } numbers
            ? FlowValue.OfTerms(
                dims, Array.ConvertAll(numbers, number => (Term?)new Term(Whole(number) ?? symbols.Any(), IsScaled: false)), isReal: true)
            : FlowValue.Shared(dims);
    }

    private static Size? Whole(double number) =>
        number == Math.Truncate(number) && Math.Abs(number) < 1L << 52 ? Size.Of((long)number) : null;
}
