namespace MlServe.Quantization.Rewriting.Weights;

/// <summary>Turns matrices, in tiles that fit into the processor's first cache.</summary>
internal static class Transposition
{
    private const int Tile = 64;

    public static void Of<T>(ReadOnlySpan<T> source, int rows, int columns, Span<T> target)
    {
        for (var top = 0; top < rows; top += Tile)
        {
            var bottom = Math.Min(top + Tile, rows);
            for (var left = 0; left < columns; left += Tile)
            {
                var right = Math.Min(left + Tile, columns);
                for (var column = left; column < right; column++)
                {
                    var turned = target.Slice(column * rows, rows);
                    for (var row = top; row < bottom; row++)
                        turned[row] = source[(row * columns) + column];
                }
            }
        }
    }
}
