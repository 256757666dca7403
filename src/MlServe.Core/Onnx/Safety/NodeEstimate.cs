using MlServe.Onnx.Graphs;

namespace MlServe.Onnx.Safety;

/// <summary>One node with the facts about its inputs; rules write the facts about its outputs.</summary>
internal sealed class NodeEstimate(GraphNode node, Estimate[] inputs, long opset)
{
    public GraphNode Node { get; } = node;

    /// <summary>The version of the operator set that the node's domain is imported with.</summary>
    public long Opset { get; } = opset;

    public Estimate[] Outputs { get; } = [.. node.Outputs.Select(static _ => Estimate.Unknown)];

    /// <summary>Whether a rule gave a size to an axis that the file leaves open: the least that it can be.</summary>
    public bool HasGuessed { get; private set; }

    /// <summary>Whether the sizes of its outputs are only the least that they can be.</summary>
    public bool MakesLeast => HasGuessed || Array.Exists(Node.Attributes, static attribute => attribute.Bodies.Count > 0)
        || Enumerable.Range(0, inputs.Length).Any(i => Has(i) && inputs[i].MakesLeast);

    /// <summary>Whether its outputs may have more axes than are told.</summary>
    public bool MakesLeastRank => Array.Exists(Node.Attributes, static attribute => attribute.Bodies.Count > 0)
        || Enumerable.Range(0, inputs.Length).Any(i => Has(i) && inputs[i].MakesLeastRank);

    public int InputCount => inputs.Length;

    /// <summary>The memory that the operator takes for itself, in bytes, as the rules made it known.</summary>
    public double Scratch { get; set; }

    /// <summary>The facts about an input; nothing if it is left out.</summary>
    public Estimate In(int index) => index < inputs.Length ? inputs[index] : Estimate.Unknown;

    public bool Has(int index) => index < Node.Inputs.Length && Node.Inputs[index].Length > 0;

    public void Out(int index, Estimate value)
    {
        if (index < Outputs.Length) Outputs[index] = value;
    }

    /// <summary>An output of the type of the first input.</summary>
    public void Out(long[]? dims) => Out(0, Estimate.Of(In(0).Type, dims));

    /// <summary>
    /// The least size of an axis that the file leaves open. It is free if that is nothing, since no element at all would make everything
    /// behind it count as nothing.
    /// </summary>
    public long Guess(double least)
    {
        if (!(least >= 1)) return Estimate.Free;
        HasGuessed = true;
        return Estimate.ToSize(least);
    }

    public long Int(string attribute, long otherwise) => Node.Int(attribute, otherwise);

    public long[]? Ints(string attribute) => Node.Ints(attribute);

    /// <summary>The axes that an input or, in older versions, an attribute names; null if they are not known.</summary>
    public long[]? Axes(int input)
    {
        if (Ints("axes") is { } axes) return axes;
        return In(input).Numbers is { } numbers && !Array.Exists(numbers, double.IsNaN) ? Array.ConvertAll(numbers, Estimate.ToSize) : null;
    }

    /// <summary>A list of numbers from an input, or from an attribute of older versions; null if it is not known.</summary>
    public double[]? Numbers(int input, string attribute)
    {
        if (Has(input)) return In(input).Numbers;
        if (Ints(attribute) is { } ints) return Array.ConvertAll(ints, static number => (double)number);
        return Node.Floats(attribute) is { } floats ? Array.ConvertAll(floats, static number => (double)number) : null;
    }

    /// <summary>An axis counted from the front; null if there is none such.</summary>
    public static int? Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : null;
}
