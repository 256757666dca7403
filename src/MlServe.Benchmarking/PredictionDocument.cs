using System.Reflection;
using BenchmarkDotNet.Reports;

namespace MlServe.Benchmarking;

/// <summary>The content of the file that <see cref="PredictionExporter"/> writes.</summary>
internal sealed record PredictionDocument(
    string Title, PredictionDocument.MachineEntry Machine, IReadOnlyDictionary<string, string> Versions, decimal? HourlyPrice,
    IReadOnlyList<PredictionDocument.BenchmarkEntry> Benchmarks)
{
    public static PredictionDocument Of(Summary summary, decimal? hourlyPrice)
    {
        var host = summary.HostEnvironmentInfo;
        return new(
            summary.Title,
            new(host.Cpu.Value.ProcessorName, Environment.ProcessorCount, System.Runtime.InteropServices.RuntimeInformation.OSDescription),
            VersionsOf(summary), hourlyPrice, [.. summary.Reports.Select(report => Entry(report, hourlyPrice))]);
    }

    private static BenchmarkEntry Entry(BenchmarkReport report, decimal? hourlyPrice)
    {
        var benchmark = report.BenchmarkCase;
        var figures = PredictionFigures.Of(report, hourlyPrice);
        return new(
            benchmark.Descriptor.Type.FullName!, benchmark.Descriptor.WorkloadMethod.Name,
            benchmark.Parameters.Items.ToDictionary(static item => item.Name, static item => item.Value?.ToString()),
            benchmark.Job.ResolvedId, benchmark.Descriptor.Baseline, figures is not null, figures?.MeanNanoseconds,
            figures?.RecordedCalls ?? 0, figures?.LatencyNanoseconds(50), figures?.LatencyNanoseconds(99), figures?.PredictionsPerSecond,
            figures?.AllocatedBytes, figures?.CostPerMillion);
    }

    /// <summary>Of the runtime, of BenchmarkDotNet, and of what the benchmarks' assemblies refer to.</summary>
    private static SortedDictionary<string, string> VersionsOf(Summary summary)
    {
        var versions = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["runtime"] = summary.HostEnvironmentInfo.RuntimeVersion,
            ["BenchmarkDotNet"] = summary.HostEnvironmentInfo.BenchmarkDotNetVersion,
        };
        foreach (var assembly in summary.BenchmarksCases.Select(static benchmark => benchmark.Descriptor.Type.Assembly).Distinct())
        {
            Add(versions, assembly.GetName());
            foreach (var reference in assembly.GetReferencedAssemblies())
                Add(versions, reference);
        }

        return versions;
    }

    private static void Add(SortedDictionary<string, string> versions, AssemblyName assembly)
    {
        if (assembly is not { Name: { } name, Version: { } version } || name.StartsWith("System", StringComparison.Ordinal)) return;
        versions.TryAdd(name, version.ToString());
    }

    internal sealed record MachineEntry(string? Processor, int LogicalProcessors, string OperatingSystem);

    internal sealed record BenchmarkEntry(
        string Type, string Method, IReadOnlyDictionary<string, string?> Parameters, string Job, bool IsBaseline, bool Succeeded,
        double? MeanNanoseconds, long RecordedCalls, double? CallP50Nanoseconds, double? CallP99Nanoseconds, double? PredictionsPerSecond,
        long? AllocatedBytes, double? CostPerMillion);
}
