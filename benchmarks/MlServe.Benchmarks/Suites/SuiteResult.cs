using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using MlServe.Benchmarking;

namespace MlServe.Benchmarks.Suites;

/// <summary>What one benchmark found.</summary>
internal sealed record SuiteResult(string Suite, string Method, IReadOnlyDictionary<string, object?> Parameters, PredictionFigures Figures)
{
    /// <summary>Of all benchmarks that succeeded.</summary>
    public static IReadOnlyList<SuiteResult> Of(IEnumerable<Summary> summaries, decimal hourlyPrice) =>
    [
        .. from summary in summaries
           from report in summary.Reports
           let figures = PredictionFigures.Of(report, hourlyPrice)
           where figures is not null
           select new SuiteResult(
               report.BenchmarkCase.Descriptor.Type.Name, report.BenchmarkCase.Descriptor.WorkloadMethod.Name,
               report.BenchmarkCase.Parameters.Items.ToDictionary(static item => item.Name, static item => (object?)item.Value), figures),
    ];

    public static string Describe(BenchmarkCase benchmark)
    {
        var parameters = string.Join(", ", benchmark.Parameters.Items.Select(static item => $"{item.Name}: {item.Value}"));
        return $"{benchmark.Descriptor.Type.Name}.{benchmark.Descriptor.WorkloadMethod.Name}({parameters})";
    }
}
