using System.Globalization;

namespace MlServe.Benchmarks.Load;

/// <summary>Times as people write them: 10ms, 1.5s, 800us.</summary>
internal static class Durations
{
    // "ms" and "us" before "s", which they end with.
    private static readonly (string Unit, double Seconds)[] Units = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1)];

    public static bool TryParse(string text, out TimeSpan time)
    {
        time = default;
        foreach (var (unit, seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            if (!double.TryParse(
                text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                return false;
            if (number * seconds is not (>= 1e-6 and <= 3600)) return false;
            time = TimeSpan.FromTicks((long)Math.Round(number * seconds * TimeSpan.TicksPerSecond));
            return true;
        }

        return false;
    }

    public static string Format(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.####} ms");
}
