using System.Diagnostics;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// Compares two ways of doing the same in turn, A B A B, in windows of a fixed length: the machine's drift falls on both, and the median of
/// the ratios does not mind a disturbed window.
/// </summary>
internal static class PairedWindows
{
    public static readonly TimeSpan WindowLength = TimeSpan.FromMilliseconds(100);

    /// <summary>The median over pairs of (seconds a call of A) / (seconds a call of B), with an interval.</summary>
    /// <param name="windows">Pairs to measure, after two that are not counted.</param>
    /// <param name="a">Runs A the given number of times.</param>
    /// <param name="b">Runs B the given number of times.</param>
    /// <param name="length">The length of a window; null: <see cref="WindowLength"/>.</param>
    public static MedianEstimate Ratio(int windows, Action<int> a, Action<int> b, TimeSpan? length = null) =>
        MedianEstimate.Of([.. Measure(windows, a, b, length).Select(static pair => pair.A / pair.B)]);

    /// <summary>The median over pairs of (seconds a call of A) - (seconds a call of B), with an interval, and that of B.</summary>
    /// <param name="windows">Pairs to measure, after two that are not counted.</param>
    /// <param name="a">Runs A the given number of times.</param>
    /// <param name="b">Runs B the given number of times.</param>
    /// <param name="perSecond">The unit of the answer: 1e6 for microseconds.</param>
    public static (MedianEstimate Difference, double B) Difference(int windows, Action<int> a, Action<int> b, double perSecond)
    {
        var pairs = Measure(windows, a, b, null);
        return (MedianEstimate.Of([.. pairs.Select(pair => (pair.A - pair.B) * perSecond)]),
            MedianEstimate.Of([.. pairs.Select(pair => pair.B * perSecond)]).Median);
    }

    private static List<(double A, double B)> Measure(int windows, Action<int> a, Action<int> b, TimeSpan? length)
    {
        var callsA = Calibrate(a, length ?? WindowLength);
        var callsB = Calibrate(b, length ?? WindowLength);
        var pairs = new List<(double A, double B)>(windows);
        for (var window = -2; window < windows; window++)
        {
            // Which goes first changes from pair to pair.
            double first, second;
            if (window % 2 == 0)
            {
                first = Time(a, callsA);
                second = Time(b, callsB);
            }
            else
            {
                second = Time(b, callsB);
                first = Time(a, callsA);
            }

            if (window >= 0) pairs.Add((first, second));
        }

        return pairs;
    }

    /// <summary>
    /// Finds the number of calls that fills a window, and warms up by doing so: the first calls compile code, so a number counts when two
    /// runs in a row were about as long as they should be.
    /// </summary>
    private static int Calibrate(Action<int> action, TimeSpan length)
    {
        var calls = 16;
        for (int attempt = 0, good = 0; attempt < 30 && good < 2; attempt++)
        {
            var share = Time(action, calls) * calls / length.TotalSeconds;
            good = share is > 0.7 and < 1.4 ? good + 1 : 0;
            calls = Math.Max(1, (int)(calls / Math.Clamp(share, 0.25, 4)));
        }

        return calls;
    }

    /// <summary>Seconds a call.</summary>
    private static double Time(Action<int> action, int calls)
    {
        var started = Stopwatch.GetTimestamp();
        action(calls);
        return Stopwatch.GetElapsedTime(started).TotalSeconds / calls;
    }
}
