using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace MlServe.Benchmarking.Tests;

/// <summary>Runs benchmarks in this process, a few calls each, and keeps what BenchmarkDotNet writes in a folder of its own.</summary>
internal sealed class BenchmarkRun : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlserve-benchmarking-");

    public BenchmarkRun(Type benchmarks, decimal? hourlyPrice = null)
    {
        var config = ManualConfig.CreateEmpty()
            .AddJob(Tiny)
            .AddLogger(NullLogger.Instance)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .WithOptions(ConfigOptions.DisableOptimizationsValidator)
            .WithArtifactsPath(_folder.FullName)
            .AddPredictionColumns(hourlyPrice);
        Summary = BenchmarkRunner.Run(benchmarks, config);
    }

    public static Job Tiny { get; } = Job.Default
        .WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(1).WithIterationCount(3).WithInvocationCount(4).WithUnrollFactor(1);

    public Summary Summary { get; }

    public string Cell(string method, string column)
    {
        var header = Summary.Table.Columns.Single(candidate => candidate.Header == column);
        return header.Content[Array.FindIndex(
            Summary.Table.Columns.Single(static candidate => candidate.Header == "Method").Content, name => name == method)];
    }

    public BenchmarkReport Report(string method) =>
        Summary.Reports.Single(report => report.BenchmarkCase.Descriptor.WorkloadMethod.Name == method);

    public string ReadFile(string pattern) => File.ReadAllText(_folder.GetFiles(pattern, SearchOption.AllDirectories).Single().FullName);

    public void Dispose() => _folder.Delete(recursive: true);
}
