using System.Numerics.Tensors;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Graphs;

/// <summary>A tensor that stands in the file: its type and dimensions, and the elements of a small one.</summary>
internal sealed class GraphTensor
{
    public required string Name { get; init; }

    public required OnnxElementType ElementType { get; init; }

    /// <summary>As the file claims them; never negative.</summary>
    public required long[] Dims { get; init; }

    /// <summary>Whether the elements lie in another file.</summary>
    public bool IsExternal { get; init; }

    public bool IsSparse { get; init; }

    /// <summary>
    /// The elements of a small tensor of integers or booleans; null for all else, and if there are not as many as the dimensions say.
    /// </summary>
    public long[]? Integers { get; init; }

    /// <summary>The elements of a small tensor of 16-, 32- or 64-bit floats; null for all else.</summary>
    public double[]? Numbers { get; init; }

    /// <summary>The number of elements that the dimensions claim; <see cref="long.MaxValue"/> if it does not fit.</summary>
    public long Count => CountOf(Dims);

    public static GraphTensor Of(string name, long[] integers, params long[] dims) =>
        new() { Name = name, ElementType = OnnxElementType.Int64, Dims = dims, Integers = integers };

    public static GraphTensor Of(string name, double[] numbers, params long[] dims) =>
        new() { Name = name, ElementType = OnnxElementType.Float, Dims = dims, Numbers = numbers };

    internal static long CountOf(ReadOnlySpan<long> dims)
    {
        if (TensorPrimitives.IndexOfMinMagnitude(dims) is var least && least >= 0 && dims[least] == 0) return 0;
        long count = 1;
        foreach (var dim in dims)
        {
            if (count > long.MaxValue / dim) return long.MaxValue;
            count *= dim;
        }

        return count;
    }
}
