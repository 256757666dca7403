using HdrHistogram;
using HdrHistogram.Utilities;

namespace MlServe.Benchmarking;

/// <summary>Durations of calls, in nanoseconds with three significant digits; safe for concurrent recording.</summary>
internal sealed class LatencyHistogram
{
    // Ten minutes. HdrHistogram 2.5.0 is wrong from 2^41 ns on, where the width of a bucket no longer fits an int.
    private const long Longest = 600_000_000_000;

    private readonly HistogramBase _calls;

    public LatencyHistogram()
        : this(new LongConcurrentHistogram(1, Longest, 3))
    {
    }

    private LatencyHistogram(HistogramBase calls) => _calls = calls;

    public long Count => _calls.TotalCount;

    /// <summary>Throws if the text is not one of <see cref="ToText"/>.</summary>
    public static LatencyHistogram Parse(string text)
    {
        var histogram = new LatencyHistogram();
        histogram._calls.Add(HistogramEncoding.DecodeFromCompressedByteBuffer(
            ByteBuffer.Allocate(Convert.FromBase64String(text)), Longest));
        return histogram;
    }

    public void Record(double nanoseconds) => _calls.RecordValue((long)Math.Clamp(nanoseconds, 1, Longest));

    public void Add(LatencyHistogram other) => _calls.Add(other._calls);

    public void Clear() => _calls.Reset();

    public LatencyHistogram Copy()
    {
        var copy = new LatencyHistogram();
        copy.Add(this);
        return copy;
    }

    /// <summary>Nanoseconds.</summary>
    public double Percentile(double percentile) => _calls.GetValueAtPercentile(percentile);

    public string ToText()
    {
        var buffer = ByteBuffer.Allocate(_calls.GetNeededByteBufferCapacity());
        var length = _calls.EncodeIntoCompressedByteBuffer(buffer);
        var bytes = new byte[length];
        buffer.Position = 0;
        for (var i = 0; i < length; i++)
            bytes[i] = buffer.Get();
        return Convert.ToBase64String(bytes);
    }
}
