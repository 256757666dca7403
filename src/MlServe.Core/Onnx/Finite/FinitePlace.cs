using System.Globalization;
using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>The place of an element in an input; put into words when somebody reads them.</summary>
/// <param name="index">Its position in row-major order.</param>
/// <param name="shape">The shape of the tensor that holds it; null if it is not known.</param>
/// <param name="part">The part of a sequence that the tensor is; -1 if it is the whole input.</param>
internal sealed class FinitePlace(int index, long[]? shape, int part = -1)
{
    public override string ToString()
    {
        var place = index.ToString(CultureInfo.InvariantCulture);
        if (shape is { Length: > 1 }) place += $" ({Shapes.Format(Coordinates())} of {Shapes.Format(shape)})";
        return part < 0 ? place : string.Create(CultureInfo.InvariantCulture, $"{place} of part {part}");
    }

    private long[] Coordinates()
    {
        var coordinates = new long[shape!.Length];
        var left = (long)index;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
            (left, coordinates[axis]) = Math.DivRem(left, Math.Max(1, shape[axis]));
        return coordinates;
    }
}
