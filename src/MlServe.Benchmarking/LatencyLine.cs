namespace MlServe.Benchmarking;

/// <summary>A histogram as a line of standard output. It begins as BenchmarkDotNet's own comments do.</summary>
internal static class LatencyLine
{
    private const string Prefix = "// MlServe.Benchmarking call latency: ";

    public static string Format(LatencyHistogram histogram) => Prefix + histogram.ToText();

    public static LatencyHistogram? Parse(string line)
    {
        if (!line.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        try
        {
            return LatencyHistogram.Parse(line[Prefix.Length..]);
        }
        catch (Exception)
        {
            // A line that the benchmark's own output broke is no figure.
            return null;
        }
    }

    /// <summary>Not through <see cref="Console.Out"/>, which the benchmark may have redirected.</summary>
    public static void Write(LatencyHistogram histogram)
    {
        using var output = new StreamWriter(Console.OpenStandardOutput());
        output.Write($"\n{Format(histogram)}\n");
    }
}
