using System.Numerics;

namespace MlServe.Batching;

/// <summary>
/// Lengths in a bounded number of bins: 1 to 32 alone, then 16 bins to each power of two. Filling up to a bin's end wastes at most a
/// sixteenth. No single long request makes the bins of others coarse.
/// </summary>
internal static class LengthBins
{
    /// <summary>The largest length that is looked at.</summary>
    public const int MaxLength = 65536;

    private const int Fine = 16;

    public const int Count = Fine + (Fine * 12);

    /// <summary>The bin of a length from 1 to <see cref="MaxLength"/>.</summary>
    public static int Of(int length)
    {
        var below = length - 1;
        if (below < Fine) return below;
        var shift = BitOperations.Log2((uint)below) - 4;
        return Fine + (shift * Fine) + (below >> shift) - Fine;
    }

    /// <summary>The largest length in a bin.</summary>
    public static int End(int bin)
    {
        if (bin < Fine) return bin + 1;
        var shift = (bin - Fine) / Fine;
        return (((bin - Fine) % Fine) + Fine + 1) << shift;
    }

    /// <summary>How many lengths a bin has.</summary>
    public static int Width(int bin) => bin < Fine ? 1 : 1 << ((bin - Fine) / Fine);
}
