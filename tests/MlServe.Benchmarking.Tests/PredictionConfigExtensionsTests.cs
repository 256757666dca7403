using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Configs;

namespace MlServe.Benchmarking.Tests;

// BenchmarkDotNet's engine is one for the process.
[Collection("engine")]
public sealed class PredictionConfigExtensionsTests(PredictionConfigExtensionsTests.OneRun fixture)
    : IClassFixture<PredictionConfigExtensionsTests.OneRun>
{
    private readonly BenchmarkRun _run = fixture.Run;

    [Fact]
    public void AddPredictionColumns_CallsRecorded_PercentilesAreOfSingleCalls()
    {
        var figures = PredictionFigures.Of(_run.Report(nameof(RecordingBenchmarks.Recorded)))!;

        Assert.Equal(3 * 4 * 100, figures.RecordedCalls);
        Assert.InRange(figures.LatencyNanoseconds(50)!.Value, 999_000, 1_001_000);
        Assert.InRange(figures.LatencyNanoseconds(98)!.Value, 999_000, 1_001_000);
        Assert.InRange(figures.LatencyNanoseconds(99)!.Value, 4_995_000, 5_005_000);
        Assert.NotEqual("-", _run.Cell(nameof(RecordingBenchmarks.Recorded), "Call p99"));
    }

    [Fact]
    public void AddPredictionColumns_SlowCallBeforeMeasuring_IsNotCounted()
    {
        var figures = PredictionFigures.Of(_run.Report(nameof(RecordingBenchmarks.SlowAtFirst)))!;

        Assert.Equal(3 * 4, figures.RecordedCalls);
        Assert.InRange(figures.LatencyNanoseconds(100)!.Value, 1_998_000, 2_002_000);
    }

    [Fact]
    public void AddPredictionColumns_NoCallRecorded_CellIsEmptyAndTheOthersAreNot()
    {
        Assert.Equal("-", _run.Cell(nameof(RecordingBenchmarks.NotRecorded), "Call p50"));
        Assert.Equal("-", _run.Cell(nameof(RecordingBenchmarks.NotRecorded), "Call p99"));
        Assert.NotEqual("-", _run.Cell(nameof(RecordingBenchmarks.NotRecorded), "Predictions/s"));
        Assert.NotEqual("-", _run.Cell(nameof(RecordingBenchmarks.NotRecorded), "Cost/1M"));
        Assert.Null(PredictionFigures.Of(_run.Report(nameof(RecordingBenchmarks.NotRecorded)))!.LatencyNanoseconds(50));
    }

    [Fact]
    public void AddPredictionColumns_Price_CostFollowsFromTheMean()
    {
        var report = _run.Report(nameof(RecordingBenchmarks.Recorded));
        var figures = PredictionFigures.Of(report, hourlyPrice: 36m)!;

        // 36 an hour is a cent a second: a million predictions of so many nanoseconds take as many milliseconds.
        AreTheSame(report.ResultStatistics!.Mean / 1000 * 0.01, figures.CostPerMillion!.Value);
        AreTheSame(1e9 / report.ResultStatistics.Mean, figures.PredictionsPerSecond);
        var cell = double.Parse(_run.Cell(nameof(RecordingBenchmarks.Recorded), "Cost/1M"), CultureInfo.InvariantCulture);
        Assert.InRange(cell, figures.CostPerMillion.Value - 0.0001, figures.CostPerMillion.Value + 0.0001);
    }

    /// <summary>But for the last bits. Rounded to digits, two that stand on either side of a half would differ.</summary>
    private static void AreTheSame(double expected, double actual) => Assert.Equal(expected, actual, Math.Abs(expected) * 1e-12);

    [Fact]
    public void AddPredictionColumns_Exporter_WritesTheSameFiguresAsNumbers()
    {
        using var json = JsonDocument.Parse(_run.ReadFile("*-predictions.json"));
        var figures = PredictionFigures.Of(_run.Report(nameof(RecordingBenchmarks.Recorded)), 36m)!;
        var entry = json.RootElement.GetProperty("benchmarks").EnumerateArray()
            .Single(static candidate => candidate.GetProperty("method").GetString() == nameof(RecordingBenchmarks.Recorded));
        var silent = json.RootElement.GetProperty("benchmarks").EnumerateArray()
            .Single(static candidate => candidate.GetProperty("method").GetString() == nameof(RecordingBenchmarks.NotRecorded));

        Assert.Equal(typeof(RecordingBenchmarks).FullName, entry.GetProperty("type").GetString());
        Assert.True(entry.GetProperty("isBaseline").GetBoolean());
        AreTheSame(figures.MeanNanoseconds, entry.GetProperty("meanNanoseconds").GetDouble());
        Assert.Equal(figures.LatencyNanoseconds(99), entry.GetProperty("callP99Nanoseconds").GetDouble());
        AreTheSame(figures.CostPerMillion!.Value, entry.GetProperty("costPerMillion").GetDouble());
        Assert.Equal(figures.AllocatedBytes, entry.GetProperty("allocatedBytes").GetInt64());
        Assert.Equal(JsonValueKind.Null, silent.GetProperty("callP50Nanoseconds").ValueKind);
        Assert.Equal(36m, json.RootElement.GetProperty("hourlyPrice").GetDecimal());
        Assert.Equal(Environment.ProcessorCount, json.RootElement.GetProperty("machine").GetProperty("logicalProcessors").GetInt32());
        Assert.StartsWith(
            "0.15.8", json.RootElement.GetProperty("versions").GetProperty("BenchmarkDotNet").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AddPredictionColumns_BenchmarkFails_ItsCellsAreEmptyAndTheOthersAreNot()
    {
        using var run = new BenchmarkRun(typeof(FailingBenchmarks), hourlyPrice: 1m);

        Assert.All(["Call p50", "Call p99", "Predictions/s", "Cost/1M"], column =>
        {
            Assert.Equal("-", run.Cell(nameof(FailingBenchmarks.Fails), column));
            Assert.NotEqual("-", run.Cell(nameof(FailingBenchmarks.Works), column));
        });
        Assert.Contains("\"succeeded\": false", run.ReadFile("*-predictions.json"), StringComparison.Ordinal);
        Assert.All(run.Summary.Reports.Where(static report => !report.Success), static report => Assert.Null(PredictionFigures.Of(report)));
    }

    [Fact]
    public void AddPredictionColumns_NoPrice_NoCost()
    {
        using var run = new BenchmarkRun(typeof(FailingBenchmarks));

        Assert.DoesNotContain(run.Summary.Table.Columns, static column => column.Header == "Cost/1M");
        Assert.Null(PredictionFigures.Of(run.Report(nameof(FailingBenchmarks.Works)))!.CostPerMillion);
    }

    [Fact]
    public void AddPredictionColumns_NegativePrice_SaysWhatItTakes()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(static () => ManualConfig.CreateEmpty().AddPredictionColumns(-0.1m));

        Assert.Contains("0 or more", error.Message, StringComparison.Ordinal);
        Assert.Contains("-0.1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(100.1)]
    [InlineData(double.NaN)]
    public void LatencyNanoseconds_NoPercentile_Throws(double percentile) =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            PredictionFigures.Of(_run.Report(nameof(RecordingBenchmarks.Recorded)))!.LatencyNanoseconds(percentile));

    public sealed class OneRun : IDisposable
    {
        internal BenchmarkRun Run { get; } = new(typeof(RecordingBenchmarks), hourlyPrice: 36m);

        public void Dispose() => Run.Dispose();
    }
}
