namespace MlServe.Onnx;

/// <summary>
/// Gives one <see cref="LaneShape"/> for equal sizes, so that requests of a shape seen before allocate none. Keeps the shapes seen last, up
/// to a bound.
/// </summary>
internal sealed class LaneShapeTable
{
    public const int Capacity = 64;

    private readonly Lock _gate = new();
    private LaneShape[] _shapes = [];
    private int _next;

    public LaneShape Get(ReadOnlySpan<long> sizes)
    {
        var hash = LaneShape.HashOf(sizes);
        foreach (var shape in Volatile.Read(ref _shapes))
        {
            if (shape.Matches(sizes, hash)) return shape;
        }

        var made = new LaneShape(sizes);
        lock (_gate)
        {
            // Replaced as a whole: readers take no lock.
            var grown = _shapes.Length < Capacity ? [.. _shapes, made] : (LaneShape[])_shapes.Clone();
            if (_shapes.Length == Capacity)
            {
                grown[_next] = made;
                _next = (_next + 1) % Capacity;
            }

            Volatile.Write(ref _shapes, grown);
        }

        return made;
    }
}
