using System.Numerics;

namespace MlServe.Statistics;

/// <summary>
/// How often keys were asked for lately: a count-min sketch of 4-bit counters that are halved now and then, as in TinyLFU (G. Einziger, R.
/// Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage 13(4), 2017). Not safe for
/// concurrent use.
/// </summary>
internal sealed class FrequencySketch
{
    private const int CountersPerEntry = 8;
    private const int CountersPerWord = 16;
    private const int SamplesPerEntry = 10;
    private const int Rows = 4;
    private const int Highest = 15;
    private const ulong LowThreeBits = 0x7777777777777777;

    private ulong[] _words = new ulong[16];
    private int _mask = (16 * CountersPerWord) - 1;
    private int _entries = 16;
    private long _samples;

    /// <summary>Makes room for more keys; counts stay.</summary>
    public void EnsureCapacity(int entries)
    {
        _entries = Math.Max(_entries, entries);
        var words = (int)Math.Min(1 << 24, BitOperations.RoundUpToPowerOf2((uint)_entries * CountersPerEntry / CountersPerWord));
        while (_words.Length < words)
        {
            // A counter of the smaller table is found at both places of the larger one.
            var larger = new ulong[_words.Length * 2];
            _words.CopyTo(larger, 0);
            _words.CopyTo(larger, _words.Length);
            _words = larger;
            _mask = (larger.Length * CountersPerWord) - 1;
        }
    }

    public void Increment(ulong hash)
    {
        var grew = false;
        for (var row = 0; row < Rows; row++)
        {
            hash = Next(hash);
            var index = (int)(hash >> 32) & _mask;
            ref var word = ref _words[index / CountersPerWord];
            var shift = index % CountersPerWord * 4;
            if (((word >> shift) & Highest) == Highest) continue;
            word += 1UL << shift;
            grew = true;
        }

        if (!grew || ++_samples < (long)_entries * SamplesPerEntry) return;
        foreach (ref var word in _words.AsSpan())
            word = (word >> 1) & LowThreeBits;
        _samples /= 2;
    }

    public int Estimate(ulong hash)
    {
        var least = Highest;
        for (var row = 0; row < Rows; row++)
        {
            hash = Next(hash);
            var index = (int)(hash >> 32) & _mask;
            least = Math.Min(least, (int)(_words[index / CountersPerWord] >> (index % CountersPerWord * 4)) & Highest);
        }

        return least;
    }

    private static ulong Next(ulong hash)
    {
        hash = (hash ^ (hash >> 29)) * 0x9E3779B97F4A7C15;
        return hash ^ (hash >> 32) ^ (hash << 32);
    }
}
