using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Rows;

/// <summary>A node with the facts about its inputs, for the rule of its operator.</summary>
internal sealed class NodeFlow(BodyFlow body, GraphNode node, FlowValue?[] inputs, long opset)
{
    /// <summary>The graph that the node stands in.</summary>
    public BodyFlow Body => body;

    public GraphNode Node => node;

    public FlowValue?[] Inputs => inputs;

    public long Opset => opset;

    public Symbols Symbols => body.Trace.Symbols;

    public int OutputCount => node.Outputs.Length;

    /// <summary>An input that is there: rules say how many they need.</summary>
    public FlowValue this[int index] => inputs[index]!;

    public FlowValue? Find(int index) => index < inputs.Length ? inputs[index] : null;

    public IEnumerable<FlowValue> Given => inputs.Where(static input => input is not null)!;

    /// <summary>Rows depend on their company.</summary>
    public FlowValue Breaks(string what) => FlowValue.Broken(new(node.ToString(), $"{node} {what}", IsCertain: true));

    /// <summary>It is not known whether rows depend on their company.</summary>
    public FlowValue Unclear(string what) => FlowValue.Broken(new(node.ToString(), $"{node} {what}", IsCertain: false));

    public FlowValue MeetsFixedRows() => Breaks("joins the rows with a value that has a fixed number of them");

    public FlowValue MeetsOtherOrder() => Unclear("joins rows that may lie in different orders");

    public FlowValue LacksAxis() => Unclear("has an axis that there is not");

    /// <summary>The axis that a number means, negative ones counted from behind; null if there is none.</summary>
    public static int? AxisOf(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : null;

    /// <summary>The integers of an input that are the same in every run; null if they are not known.</summary>
    public long[]? Constants(int index) => Find(index) is { } input ? ConstantsOf(input) : null;

    public static long[]? ConstantsOf(FlowValue value)
    {
        if (value.Terms is not { } terms || !Array.TrueForAll(terms, static term => term is { IsScaled: false, Alone.IsKnown: true }))
            return null;
        return Array.ConvertAll(terms, static term => term!.Value.Alone.Factor);
    }

    /// <summary>Axes given by an attribute, or from some operator set on by an input.</summary>
    /// <returns>False if they are given and not known.</returns>
    public bool TryGetAxes(int index, long inputSince, out long[]? axes)
    {
        axes = null;
        if (opset >= inputSince)
        {
            if (Find(index) is null) return true;
            axes = Constants(index);
            return axes is not null;
        }

        var attribute = node.Find("axes");
        axes = node.Ints("axes");
        return attribute is null || axes is not null;
    }

    /// <summary>As many new dimensions of which nothing is known.</summary>
    public Size[] NewDims(int count)
    {
        var dims = new Size[count];
        for (var i = 0; i < count; i++)
            dims[i] = Symbols.Count();
        return dims;
    }
}
