using System.Text.Json;
using HdrHistogram;

namespace MlServe.Benchmarks.Load;

public sealed class ReportFilesTests : IDisposable
{
    private static readonly LoadSettings Settings = new() { Bound = TimeSpan.FromMilliseconds(10) };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlserve-load");

    [Fact]
    public void WriteAll_TwoSteps_LogRoundTripsWithTags()
    {
        var report = Report();
        ReportFiles.WriteAll(report, _folder);

        using var file = File.OpenRead(Path.Combine(_folder.FullName, "load-peak.hlog"));
        var read = new HistogramLogReader(file).ReadHistograms().ToArray();

        Assert.Equal(["0.5_x", "back_to_0.5_x"], read.Select(static histogram => histogram.Tag));
        for (var i = 0; i < read.Length; i++)
        {
            var written = report.Steps[i].Latency!;
            Assert.Equal(written.TotalCount, read[i].TotalCount);
            Assert.Equal(written.GetValueAtPercentile(99), read[i].GetValueAtPercentile(99));
        }
    }

    [Fact]
    public void WriteAll_Report_IsJsonAndAPictureAndNothingHalf()
    {
        ReportFiles.WriteAll(Report(), _folder);

        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder.FullName, "load-peak.json")));
        Assert.Equal("LoadGen-style (not an MLPerf result)", json.RootElement.GetProperty("kind").GetString());
        Assert.Equal("pass", json.RootElement.GetProperty("verdict").GetString());
        Assert.Equal(1000, json.RootElement.GetProperty("steps")[0].GetProperty("offered").GetInt64());
        Assert.Equal("PNG"u8, File.ReadAllBytes(Path.Combine(_folder.FullName, "load-peak.png")).AsSpan(1, 3));
        Assert.Equal(3, _folder.GetFiles().Length);
    }

    [Theory]
    [InlineData("single")]
    [InlineData("server")]
    [InlineData("burst")]
    public void WriteAll_EachScenario_IsDrawn(string scenario)
    {
        ReportFiles.WriteAll(Report() with { Scenario = scenario }, _folder);

        Assert.True(File.Exists(Path.Combine(_folder.FullName, $"load-{scenario}.png")));
    }

    [Fact]
    public void WriteAll_NothingAnswered_IsWrittenWithoutAPicture()
    {
        var step = new StepRecorder("0.5 x", 100, 10, Settings.Bound);
        step.Due(1);
        step.OnShed();

        ReportFiles.WriteAll(Report() with { Steps = [StepReport.Of(step, Settings)] }, _folder);

        Assert.Equal(["load-peak.hlog", "load-peak.json"], _folder.GetFiles().Select(static file => file.Name).Order());
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static LoadReport Report() => new()
    {
        Scenario = "peak",
        Verdict = LoadVerdict.Pass,
        Reasons = [],
        Steps = [Step("0.5 x", 1), Step("back to 0.5 x", 2)],
        BoundMs = 10,
        StartedAt = DateTimeOffset.UnixEpoch.AddDays(20_000),
    };

    private static StepReport Step(string name, int seed)
    {
        var random = new Random(seed);
        var step = new StepRecorder(name, 100, 10, Settings.Bound);
        for (var i = 0; i < 1000; i++)
        {
            step.Due(random.Next(50_000));
            var took = random.Next(100_000, 20_000_000);
            step.OnAnswer(took, took - 1000);
        }

        return StepReport.Of(step, Settings);
    }
}
