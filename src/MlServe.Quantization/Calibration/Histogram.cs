namespace MlServe.Quantization.Calibration;

/// <summary>
/// Counts values in bins of one width on both sides of 0. The width doubles when a value lies outside, so that memory stays the same
/// however many values come and however far they reach.
/// </summary>
internal sealed class Histogram
{
    private const int Half = 4096;

    private long[] _counts = new long[2 * Half];

    /// <summary>Values that are exactly 0, as behind a Relu; they are in no bin.</summary>
    public long Zeros { get; private set; }

    /// <summary>Values that are in bins.</summary>
    public long Total { get; private set; }

    public double Width { get; private set; }

    public ReadOnlySpan<long> Counts => _counts;

    public void Add(ReadOnlySpan<float> values, float min, float max)
    {
        Reach(Math.Max(Math.Abs((double)min), Math.Abs((double)max)));
        if (Width == 0)
        {
            Zeros += values.Length;
            return;
        }

        var perWidth = 1 / Width;
        var zeros = 0;
        foreach (var value in values)
        {
            if (value == 0) zeros++;
            else _counts[Math.Min((int)((value * perWidth) + Half), (2 * Half) - 1)]++;
        }

        Zeros += zeros;
        Total += values.Length - zeros;
    }

    public double CenterOf(int bin) => (bin - Half + 0.5) * Width;

    /// <summary>The bin that a value lies in.</summary>
    public int BinOf(double value) => Math.Clamp((int)Math.Floor(value / Width) + Half, 0, (2 * Half) - 1);

    /// <summary>The value that a share of all values lies below.</summary>
    public double Quantile(double share)
    {
        var wanted = share * (Total + Zeros);
        double below = 0;
        for (var bin = 0; bin < _counts.Length; bin++)
        {
            if (bin == Half)
            {
                if (below + Zeros >= wanted) return 0;
                below += Zeros;
            }

            if (_counts[bin] > 0 && below + _counts[bin] >= wanted) return (bin - Half + ((wanted - below) / _counts[bin])) * Width;
            below += _counts[bin];
        }

        return double.PositiveInfinity;
    }

    private void Reach(double magnitude)
    {
        if (Width == 0) Width = magnitude / Half;
        while (magnitude > Width * Half)
        {
            var wider = new long[2 * Half];
            for (var bin = 0; bin < wider.Length; bin++)
                wider[(bin + Half) / 2] += _counts[bin];
            _counts = wider;
            Width *= 2;
        }
    }
}
