namespace MlServe.Batching;

/// <summary>
/// The memory of a batcher's lanes. Knows how many rows and batches its bytes allow, how much a further shape may have, and how lately
/// shapes were used.
/// </summary>
internal sealed class LaneBudget
{
    /// <summary>Queues that may share the memory.</summary>
    public const int MaxQueues = 64;

    /// <summary>One batch that runs, one that fills, one that is full.</summary>
    private const int EnoughBatches = 3;

    private readonly IModelExecutor _executor;
    private readonly BatchTrust _trust;
    private readonly long _maxBytes;
    private long _uses;

    /// <param name="executor">Makes the lanes.</param>
    /// <param name="trust">Whether rows may have company.</param>
    /// <param name="maxBytes">The bytes that all lanes may take together.</param>
    /// <param name="capacity">The rows that a lane is to have room for.</param>
    /// <param name="lanes">Batches that run at once.</param>
    public LaneBudget(IModelExecutor executor, BatchTrust trust, long maxBytes, int capacity, int lanes)
    {
        _executor = executor;
        _trust = trust;
        _maxBytes = maxBytes;
        Capacity = capacity;
        BatchesPerQueue = lanes + 2;
    }

    /// <summary>Rows that a lane has room for. Smaller than asked for if lanes would take too much memory.</summary>
    public int Capacity
    {
        get => _trust.IsLost ? 1 : field;
        private set;
    }

    /// <summary>Batches of one shape and priority: one for each lane, one that fills, one that is full.</summary>
    public int BatchesPerQueue { get; private set; }

    /// <summary>A lane; null if there is no memory for it.</summary>
    public ILane? TryRent(LaneShape shape, int rows) => _executor.TryRent(shape, rows);

    /// <summary>Numbers the batches that are taken.</summary>
    public long CountUse() => Interlocked.Increment(ref _uses);

    /// <summary>Makes batches fewer, or smaller, so that their memory keeps to its bound.</summary>
    /// <param name="laneBytes">The bytes of a lane for <see cref="Capacity"/> rows.</param>
    /// <returns>Whether they fit. If not, <see cref="Capacity"/> is smaller now, and a lane of that size is to be measured.</returns>
    public bool TryFit(long laneBytes)
    {
        // One is left to requests that go the direct way.
        var affordable = (_maxBytes / laneBytes) - 1;
        if (affordable >= EnoughBatches || affordable >= BatchesPerQueue || Capacity == 1)
        {
            BatchesPerQueue = (int)Math.Clamp(affordable, 1, BatchesPerQueue);
            return true;
        }

        Capacity = Math.Max(1, Capacity / 2);
        return false;
    }

    /// <summary>
    /// The rows that lanes of a new shape hold at first: as many as its share of memory allows or its first request asks for.
    /// </summary>
    /// <param name="rowBytes">The bytes of a row.</param>
    /// <param name="rows">The rows of the first request.</param>
    /// <param name="isUsual">Whether most requests are of this shape, so that it may have all that there is.</param>
    public int CapacityFor(long rowBytes, int rows, bool isUsual)
    {
        var batches = Math.Min(BatchesPerQueue, EnoughBatches);
        var affordable = _executor.MakeRoom(rowBytes * batches * Capacity) / rowBytes / batches;
        var share = isUsual ? affordable : Math.Max(_maxBytes / MaxQueues / rowBytes / batches, rows);
        return (int)Math.Clamp(Math.Min(affordable, share), 1, Capacity);
    }
}
