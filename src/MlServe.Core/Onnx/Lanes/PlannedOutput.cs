using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>The type and shape of an output; the size on the batch axis is the rows of the run.</summary>
/// <param name="type">The type of its elements.</param>
/// <param name="shape">The shape of the run that taught it.</param>
/// <param name="axis">The batch axis, or -1.</param>
/// <param name="input">The input that the output is, or -1.</param>
internal sealed class PlannedOutput(ElementType type, long[] shape, int axis, int input = -1)
{
    public ElementType Type { get; } = type;

    /// <summary>The shape of the run that taught it.</summary>
    public ReadOnlySpan<long> LearntShape => shape;

    /// <summary>The batch axis, or -1.</summary>
    public int Axis { get; } = axis;

    /// <summary>
    /// The input that the model gives back under the same name, or -1. The runtime answers with the input's own memory and writes to no
    /// other.
    /// </summary>
    public int Input { get; } = input;

    public int Blocks { get; } = axis < 0 ? 1 : checked((int)Shapes.CountBefore(shape, axis));

    /// <summary>The bytes of a row within a block; of the whole output if it has no rows.</summary>
    public int RowBytes { get; } = checked((int)((axis < 0
        ? Shapes.Count(shape)
        : Shapes.CountAfter(shape, axis)) * ElementTypes.SizeOf(type)));

    public int Bytes(int rows) => checked(Blocks * RowBytes * (Axis < 0 ? 1 : rows));

    public long[] ShapeOf(int rows)
    {
        var result = (long[])shape.Clone();
        if (Axis >= 0) result[Axis] = rows;
        return result;
    }
}
