using System.Numerics;

namespace MlServe.Statistics;

/// <summary>
/// Counters that many cores count in. They lie in stripes, one for each of a few cores, so that cores do not fight over a cache line. A
/// reader adds the stripes up.
/// </summary>
internal sealed class StripedCounters
{
    // A cache line of nothing in front of each stripe keeps it off its neighbours' lines, whatever the array's alignment.
    private const int Padding = 64 / sizeof(long);

    private static readonly int StripeMask = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 16)) - 1;

    private readonly int _count;
    private readonly int _stride;
    private readonly long[] _cells;

    /// <param name="count">The number of counters.</param>
    public StripedCounters(int count)
    {
        _count = count;
        _stride = count + Padding;
        _cells = new long[((StripeMask + 1) * _stride) + Padding];
    }

    /// <summary>The present sum of a counter. Not a snapshot: other cores go on counting meanwhile.</summary>
    public long this[int counter]
    {
        get
        {
            long sum = 0;
            for (var cell = Padding + counter; cell < _cells.Length; cell += _stride)
                sum += Volatile.Read(ref _cells[cell]);
            return sum;
        }
    }

    /// <summary>Counts one.</summary>
    /// <returns>How far this core's stripe has counted.</returns>
    public long Count(int counter) => Interlocked.Increment(ref CellOf(counter));

    public void Add(int counter, long value) => Interlocked.Add(ref CellOf(counter), value);

    /// <summary>Moves the counts to other counters: nothing is lost, and nothing is there twice.</summary>
    public void MoveTo(long[] counters)
    {
        for (var cell = Padding; cell < _cells.Length; cell += _stride)
        {
            for (var counter = 0; counter < _count; counter++)
                counters[counter] += Interlocked.Exchange(ref _cells[cell + counter], 0);
        }
    }

    private ref long CellOf(int counter) => ref _cells[Padding + ((Thread.GetCurrentProcessorId() & StripeMask) * _stride) + counter];
}
