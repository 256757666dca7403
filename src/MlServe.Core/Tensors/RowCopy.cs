namespace MlServe.Tensors;

/// <summary>
/// Moves rows between a tensor that holds some rows and one that has room for more, along any axis. A tensor with its rows on an axis
/// behind the first is a sequence of blocks, each with all rows. The rows of one request are then a stretch of every block.
/// </summary>
internal static class RowCopy
{
    /// <summary>Copies <paramref name="rows"/> rows.</summary>
    /// <param name="source">The bytes (or elements) to read.</param>
    /// <param name="sourceCapacity">Rows that each block of the source has room for.</param>
    /// <param name="sourceRow">The first row to read.</param>
    /// <param name="target">The bytes (or elements) to write.</param>
    /// <param name="targetCapacity">Rows that each block of the target has room for.</param>
    /// <param name="targetRow">The first row to write.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="blocks">How many blocks: the product of the dimensions before the row axis.</param>
    /// <param name="rowLength">The length of a row within a block, in the spans' units.</param>
    public static void Copy<T>(
        ReadOnlySpan<T> source, int sourceCapacity, int sourceRow,
        Span<T> target, int targetCapacity, int targetRow,
        int rows, int blocks, int rowLength)
    {
        var length = rows * rowLength;
        for (var block = 0; block < blocks; block++)
        {
            var from = ((block * sourceCapacity) + sourceRow) * rowLength;
            var to = ((block * targetCapacity) + targetRow) * rowLength;
            source.Slice(from, length).CopyTo(target.Slice(to, length));
        }
    }

    /// <summary>Closes the gaps of a tensor whose blocks have room for more rows than they hold; in place, front to back.</summary>
    public static void Compact<T>(Span<T> tensor, int capacity, int rows, int blocks, int rowLength)
    {
        if (rows == capacity) return;
        for (var block = 1; block < blocks; block++)
            tensor.Slice(block * capacity * rowLength, rows * rowLength).CopyTo(tensor[(block * rows * rowLength)..]);
    }
}
