using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Csv;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace MlServe.Benchmarks.Suites;

/// <summary>How suites run, and what is written about them.</summary>
internal static class SuitesConfig
{
    public static IConfig Create(string[] patterns, decimal hourlyPrice, string output, bool isQuick, StreamWriter log) =>
        ManualConfig.CreateEmpty()
            .AddJob(isQuick ? Quick : Measured)
            .AddLogger(new StreamLogger(log))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .HideColumns(Column.Job, Column.RatioSD, Column.StdDev, Column.Median, Column.AllocRatio, Column.Gen0, Column.Gen1, Column.Gen2)
            .AddExporter(MarkdownExporter.GitHub, HtmlExporter.Default, CsvExporter.Default)
            .AddFilter(new GlobFilter(patterns))
            .AddEventProcessor(new SuiteProgress())
            .AddPredictionColumns(hourlyPrice)
            .WithArtifactsPath(output);

    /// <summary>
    /// A process of its own for each benchmark, so that none runs code that was compiled for another; short iterations, because there are
    /// many.
    /// </summary>
    private static Job Measured => Job.Default
        .WithStrategy(RunStrategy.Throughput)
        .WithIterationTime(TimeInterval.FromMilliseconds(100))
        .WithWarmupCount(8)
        .WithIterationCount(10)
        .WithEvaluateOverhead(false)
        .WithUnrollFactor(1)
        .WithId("suite");

    private static Job Quick => Job.Default
        .WithToolchain(InProcessEmitToolchain.Instance)
        .WithStrategy(RunStrategy.ColdStart)
        .WithLaunchCount(1)
        .WithInvocationCount(1)
        .WithUnrollFactor(1)
        .WithIterationCount(1)
        .WithEvaluateOverhead(false)
        .WithId("quick");
}
