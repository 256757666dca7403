using BenchmarkDotNet.EventProcessors;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using MlServe.Benchmarking;

namespace MlServe.Benchmarks.Suites;

/// <summary>A line on the console for each benchmark; all else that BenchmarkDotNet says goes to the log.</summary>
internal sealed class SuiteProgress : EventProcessor
{
    public override void OnStartBuildStage(IReadOnlyList<BuildPartition> partitions) => Console.WriteLine("building ...");

    public override void OnEndRunBenchmark(BenchmarkCase benchmarkCase, BenchmarkReport report)
    {
        var figures = PredictionFigures.Of(report);
        Console.WriteLine(figures is null
            ? $"{SuiteResult.Describe(benchmarkCase)}: FAILED"
            : FormattableString.Invariant(
                $"{SuiteResult.Describe(benchmarkCase)}: {figures.MeanNanoseconds:#,0} ns, {figures.PredictionsPerSecond:#,0} a second"));
    }
}
