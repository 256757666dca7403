using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Which rows of an output belong to one request.</summary>
/// <param name="Axis">The batch axis; -1: the output is wanted whole.</param>
/// <param name="Total">The rows that were run.</param>
/// <param name="Row">The request's first.</param>
/// <param name="Rows">How many it has.</param>
/// <param name="DropsAxis">Whether the answer leaves the batch axis out, which only a request of one row can want.</param>
internal readonly record struct RowSlice(int Axis, int Total, int Row, int Rows, bool DropsAxis)
{
    public static readonly RowSlice Whole = new(-1, 0, 0, 0, false);

    public bool IsWhole => Axis < 0;

    /// <summary>Whether an output has the rows at the expected place.</summary>
    public bool Fits(ReadOnlySpan<long> shape) => Axis < shape.Length && shape[Axis] == Total;

    /// <summary>Gives the target the shape of the request's rows.</summary>
    public void SetShape(OutputValue target, string name, ElementType type, ReadOnlySpan<long> shape)
    {
        Span<long> sliced = stackalloc long[shape.Length];
        var rank = 0;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (axis != Axis) sliced[rank++] = shape[axis];
            else if (!DropsAxis) sliced[rank++] = Rows;
        }

        target.SetTensor(name, type, sliced[..rank]);
    }
}
