namespace MlServe.Onnx;

/// <summary>Counts the bytes of a model's lanes against a limit. Safe for concurrent use.</summary>
internal sealed class LaneBudget(long limit)
{
    private long _limit = limit;
    private long _bytes;

    /// <summary>The bytes that may be taken together.</summary>
    public long Limit
    {
        get => Interlocked.Read(ref _limit);
        set => Interlocked.Exchange(ref _limit, value);
    }

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>The free bytes; negative if the limit is passed.</summary>
    public long Free => Limit - Bytes;

    /// <summary>Takes bytes that cannot be done without.</summary>
    public void Take(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Takes bytes if they are free.</summary>
    public bool TryTake(long bytes)
    {
        var seen = Bytes;
        while (seen + bytes <= Limit)
        {
            var before = Interlocked.CompareExchange(ref _bytes, seen + bytes, seen);
            if (before == seen) return true;
            seen = before;
        }

        return false;
    }

    public void Give(long bytes) => Interlocked.Add(ref _bytes, -bytes);
}
