using System.Numerics;

namespace MlServe.Caching;

/// <summary>What a cache counts: in stripes, one for each of a few cores, so that cores do not fight over a cache line; whoever reads adds them up.</summary>
internal sealed class CacheCounters
{
    public const int Hits = 0;
    public const int Misses = 1;
    public const int Coalesced = 2;
    public const int SecondLevelHits = 3;
    public const int SecondLevelFailures = 4;
    public const int Bypassed = 5;
    public const int Collisions = 6;
    public const int StaleHits = 7;

    // A cache line each; the first keeps the array's head off them.
    private const int Stride = 64 / sizeof(long);

    private static readonly int StripeMask = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 16)) - 1;

    private readonly long[] _cells = new long[(StripeMask + 2) * Stride];

    public long this[int counter]
    {
        get
        {
            long sum = 0;
            for (var cell = Stride + counter; cell < _cells.Length; cell += Stride)
                sum += Volatile.Read(ref _cells[cell]);
            return sum;
        }
    }

    /// <summary>Counts, and says how far the stripe has counted.</summary>
    public long Count(int counter) => Interlocked.Increment(ref _cells[(((Thread.GetCurrentProcessorId() & StripeMask) + 1) * Stride) + counter]);
}
