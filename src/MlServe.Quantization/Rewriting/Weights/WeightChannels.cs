namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>Which channel each element of a weight belongs to.</summary>
internal readonly struct WeightChannels
{
    private readonly int _inner;
    private readonly int _columns;

    public WeightChannels(IReadOnlyList<long> shape, WeightAxes axes)
    {
        var leading = shape.Take(axes.Leading).Aggregate(1L, static (count, size) => count * size);
        _inner = (int)Math.Max(1, shape.Skip(axes.Leading).Aggregate(1L, static (count, size) => count * size));
        _columns = axes.Last ? (int)shape[^1] : 1;
        Count = checked((int)(leading * _columns));
    }

    public int Count { get; }

    public int Of(int element) => (element / _inner * _columns) + (_columns > 1 ? element % _columns : 0);
}
