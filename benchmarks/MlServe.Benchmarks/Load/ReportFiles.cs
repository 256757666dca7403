using System.Text.Json;
using System.Text.Json.Serialization;
using HdrHistogram;

namespace MlServe.Benchmarks.Load;

/// <summary>Writes a report's files, each whole or not at all.</summary>
internal static class ReportFiles
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>Writes <c>load-SCENARIO.json</c>, <c>.hlog</c> and <c>.png</c> into a folder, which is made where it is missing.</summary>
    public static void WriteAll(LoadReport report, DirectoryInfo folder)
    {
        folder.Create();
        var path = Path.Combine(folder.FullName, $"load-{report.Scenario}");
        WriteJson(report, path + ".json");
        WriteHistograms(report, path + ".hlog");
        if (report.Steps.Any(static step => step.P99Ms is not null)) Whole(path + ".png", part => LoadPlot.Save(report, part));
    }

    public static void WriteJson(LoadReport report, string path) =>
        Whole(path, part => File.WriteAllText(part, JsonSerializer.Serialize(report, Json)));

    /// <summary>A HdrHistogram log of nanoseconds: one histogram a step, the step's name as its tag.</summary>
    public static void WriteHistograms(LoadReport report, string path) => Whole(path, part =>
    {
        var time = report.StartedAt.UtcDateTime;
        var histograms = new List<HistogramBase>();
        foreach (var step in report.Steps.Where(static step => step.Latency is not null))
        {
            var histogram = step.Latency!.Copy();
            histogram.Tag = TagOf(step.Name);
            histogram.StartTimeStamp = new DateTimeOffset(time).ToUnixTimeMilliseconds();
            time = time.AddSeconds(step.Seconds);
            histogram.EndTimeStamp = new DateTimeOffset(time).ToUnixTimeMilliseconds();
            histograms.Add(histogram);
        }

        using var file = File.Create(part);
        using var writer = new HistogramLogWriter(file);
        writer.Write(report.StartedAt.UtcDateTime, [.. histograms]);
    });

    /// <summary>The format has no room for blanks and commas in tags.</summary>
    public static string TagOf(string step) => step.Replace(' ', '_').Replace(',', '_');

    private static void Whole(string path, Action<string> write)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        var part = $"{path}.part";
        try
        {
            write(part);
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }
}
