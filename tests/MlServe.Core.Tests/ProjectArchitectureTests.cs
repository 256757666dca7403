using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace MlServe;

/// <summary>Reads the projects, and fails if one references what it may not, or opens itself to more than tests and benchmarks.</summary>
public sealed class ProjectArchitectureTests
{
    private static readonly string[] Folders = ["src", "tools", "samples", "benchmarks", "tests"];

    /// <summary>For each project that is no test project, the projects and the packages that it may reference itself.</summary>
    private static readonly Dictionary<string, (string[] Projects, string[] Packages)> MayReference = new()
    {
        ["MlServe.Core"] = ([],
        [
            "Microsoft.Extensions.Caching.Memory", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.ML.OnnxRuntime.Managed",
            "Polly.Core", "System.IO.Hashing", "System.Numerics.Tensors",
        ]),
        ["MlServe.Extensions"] = (["MlServe.Core"],
        [
            "Microsoft.Extensions.Configuration.Binder", "Microsoft.Extensions.DependencyInjection.Abstractions",
            "Microsoft.Extensions.Diagnostics.HealthChecks", "Microsoft.Extensions.Hosting.Abstractions",
            "Microsoft.Extensions.Options.ConfigurationExtensions",
        ]),
        ["MlServe.Quantization"] = (["MlServe.Extensions"], ["Google.Protobuf", "Grpc.Tools"]),
        ["MlServe.Testing"] = (["MlServe.Extensions"], []),
        ["MlServe.Benchmarking"] = ([], ["BenchmarkDotNet", "HdrHistogram"]),
        ["MlServe.Cli"] = (
            ["MlServe.Quantization"], ["Microsoft.ML.OnnxRuntime", "ScottPlot", "Spectre.Console", "System.CommandLine"]),

        // Samples stand on what ships, as users do.
        ["Gpu"] = (
            ["MlServe.Core"], ["Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxRuntime.Gpu", "Microsoft.ML.OnnxRuntime.DirectML"]),
        ["MinimalApi"] = (["MlServe.Extensions"],
        [
            "Microsoft.AspNetCore.OpenApi", "Microsoft.ML.OnnxRuntime", "OpenTelemetry.Exporter.Prometheus.AspNetCore",
            "OpenTelemetry.Extensions.Hosting",
        ]),
        ["QuickStart"] = (["MlServe.Quantization"], ["Microsoft.Extensions.Hosting", "Microsoft.ML.OnnxRuntime", "Spectre.Console"]),
        ["Worker"] = (["MlServe.Extensions"],
        [
            "Microsoft.Extensions.Hosting", "Microsoft.ML.OnnxRuntime", "Spectre.Console", "Sylvan.Data.Csv", "System.CommandLine",
        ]),
        ["MlServe.Samples.Training"] = ([], ["TorchSharp-cpu", "Google.Protobuf", "Grpc.Tools", "Microsoft.ML.OnnxRuntime"]),
        ["MlServe.Benchmarks"] = (["MlServe.Benchmarking", "MlServe.Extensions", "MlServe.Quantization", "MlServe.TestModels"],
        [
            "BenchmarkDotNet", "HdrHistogram", "Microsoft.ML", "Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxTransformer", "ScottPlot",
            "Spectre.Console", "System.CommandLine",
        ]),

        // What tests share.
        ["MlServe.TestModels"] = ([], ["Microsoft.ML.OnnxRuntime.Managed"]),
        ["MlServe.ChildProcess"] = (
            ["MlServe.Extensions", "MlServe.TestModels"],
            ["Microsoft.Extensions.Caching.Hybrid", "Microsoft.Extensions.Hosting", "Microsoft.ML.OnnxRuntime"]),
        ["MlServe.Attack"] = (
            ["MlServe.Cli", "MlServe.ChildProcess", "MlServe.Extensions", "MlServe.TestModels"],
            ["Microsoft.Extensions.Caching.Hybrid", "Microsoft.Extensions.Hosting", "Microsoft.ML.OnnxRuntime"]),
        ["MlServe.AotTest"] = (["MlServe.Extensions"], ["Microsoft.Extensions.Hosting", "Microsoft.ML.OnnxRuntime"]),
    };

    [Fact]
    public void Projects_Each_ReferenceWhatTheyMay()
    {
        var projects = Projects();
        Assert.True(projects.Count > 20, $"Only {projects.Count} projects were found: the test does not see the sources.");
        Assert.Empty(projects.SelectMany(static project => FaultsOf(project)));
    }

    [Fact]
    public void Projects_Each_OpenThemselvesToTestsAndBenchmarksOnly()
    {
        var projects = Projects();
        Assert.Empty(projects.SelectMany(project => OpenedBy(project, projects)));
    }

    [Fact]
    public void Core_AsItIsBuilt_KnowsNoOtherProject()
    {
        var core = typeof(IPredictor).Assembly;
        Assert.DoesNotContain(
            core.GetReferencedAssemblies(), static name => name.Name!.StartsWith("MlServe", StringComparison.OrdinalIgnoreCase));
        var said = Projects().Single(static project => project.Name == "MlServe.Core").Opened;
        Assert.Equal(
            said.Order(StringComparer.Ordinal),
            core.GetCustomAttributes<InternalsVisibleToAttribute>().Select(static open => open.AssemblyName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("src", "MlServe.Core", "MlServe.Extensions", null, "MlServe.Core references MlServe.Extensions")]
    [InlineData("src", "MlServe.Quantization", "MlServe.Cli", null, "MlServe.Quantization references MlServe.Cli")]
    [InlineData("src", "MlServe.Extensions", null, "Microsoft.ML.OnnxRuntime", "MlServe.Extensions references Microsoft.ML.OnnxRuntime")]
    [InlineData("src", "MlServe.New", null, null, "MlServe.New is not in the table")]
    [InlineData("samples", "Worker", "MlServe.TestModels", null, "Worker references MlServe.TestModels")]
    [InlineData("tests", "MlServe.Cli.Tests", "MlServe.Core.Tests", null, "MlServe.Cli.Tests references MlServe.Core.Tests")]
    public void Faults_AReferenceTooMany_IsFound(string folder, string name, string? project, string? package, string expected)
    {
        string[] Given(string? item) => item is null ? [] : [item];
        var faults = FaultsOf(new(folder, name, name, Given(project), Given(package), []));
        Assert.StartsWith(expected, Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MlServe.Core", "MlServe.Extensions")]
    [InlineData("MlServe.Core", "MlServe.Quantization")]
    [InlineData("MlServe.Extensions", "MlServe.Quantization")]
    [InlineData("MlServe.Core", "MlServe.Testing")]
    [InlineData("MlServe.Core", "mlserve")]
    [InlineData("MlServe.Quantization", "mlserve")]
    [InlineData("MlServe.Extensions", "MinimalApi")]
    [InlineData("MlServe.Core", "Somebody.Else")]
    public void Faults_OpenedToWhatShips_IsFound(string name, string opened) =>
        Assert.Single(OpenedBy(new("src", name, name, [], [], [opened]), Projects()));

    private static IEnumerable<string> FaultsOf(Project project)
    {
        if (project.Name.EndsWith(".Tests", StringComparison.Ordinal))
        {
            // Tests stand beside each other: what two of them need is a project of its own.
            foreach (var other in project.References.Where(static other => other.EndsWith(".Tests", StringComparison.Ordinal)))
                yield return $"{project.Name} references {other}, a test project.";
            yield break;
        }

        if (!MayReference.TryGetValue(project.Name, out var allowed))
        {
            yield return $"{project.Name} is not in the table of what projects may reference.";
            yield break;
        }

        foreach (var other in project.References.Except(allowed.Projects).Concat(project.Packages.Except(allowed.Packages)))
            yield return $"{project.Name} references {other}, which the table does not allow.";
    }

    private static IEnumerable<string> OpenedBy(Project project, List<Project> all)
    {
        foreach (var opened in project.Opened)
        {
            if (!all.Exists(other => other.Assembly == opened && other.Folder is "tests" or "benchmarks"))
                yield return $"{project.Name} opens itself to {opened}, which is neither a test nor a benchmark.";
        }
    }

    private static List<Project> Projects() =>
        [.. Folders.SelectMany(static folder => Repository.Files(folder, "*.csproj").Select(file => Read(folder, file.Path, file.Text)))];

    private static Project Read(string folder, string path, string text)
    {
        var document = XDocument.Parse(text);
        var name = Path.GetFileNameWithoutExtension(path);
        string[] Named(string item) =>
            [.. document.Descendants(item).Select(static element => (string?)element.Attribute("Include")).OfType<string>()];
        return new(
            folder, name, document.Descendants("AssemblyName").FirstOrDefault()?.Value ?? name,
            [.. Named("ProjectReference").Select(static reference => Path.GetFileNameWithoutExtension(reference.Replace('\\', '/')))],
            Named("PackageReference"), Named("InternalsVisibleTo"));
    }

    private sealed record Project(
        string Folder, string Name, string Assembly, string[] References, string[] Packages, string[] Opened);
}
