using System.Text.RegularExpressions;

namespace MlServe;

/// <summary>Reads the sources of the projects around Core, and fails if a folder names another that it may not use.</summary>
public sealed partial class PackageArchitectureTests
{
    /// <summary>
    /// For each project its folders, and the folders of the same project that each may name. The folder of the project itself may name all:
    /// it is the door, or what everything else is made with.
    /// </summary>
    private static readonly Dictionary<string, Dictionary<string, string[]>> MayUse = new()
    {
        // A feature binds its section, and binding asks the features: the two know each other, and neither knows the host.
        ["src/MlServe.Extensions"] = new()
        {
            ["Configuration"] = ["Features"],
            ["Features"] = ["Configuration"],
            ["Hosting"] = ["Configuration", "Features"],
        },

        // A folder a step: a model is read, run, preprocessed, rewritten, calibrated, verified; evaluation joins the steps.
        ["src/MlServe.Quantization"] = new()
        {
            ["Proto"] = [],
            ["Model"] = ["Proto"],
            ["Runtime"] = ["Proto", "Model"],
            ["Samples"] = ["Proto"],
            ["Reporting"] = [],
            ["Preprocessing"] = ["Proto", "Model", "Runtime"],
            ["Rewriting"] = ["Proto", "Model", "Runtime", "Preprocessing"],
            ["Calibration"] = ["Proto", "Model", "Runtime", "Rewriting"],
            ["Verification"] = ["Proto", "Model", "Runtime", "Preprocessing"],
            ["Evaluation"] = ["Proto", "Model", "Runtime", "Preprocessing", "Rewriting", "Calibration", "Verification", "Reporting"],
            ["Serving"] = ["Model", "Runtime", "Preprocessing", "Samples", "Evaluation"],
        },
        ["tools/MlServe.Cli"] = new()
        {
            ["Output"] = [],
            ["Commands"] = ["Output"],
        },
        ["benchmarks/MlServe.Benchmarks"] = new()
        {
            ["Measurement"] = [],
            ["Scorecard"] = ["Measurement"],
            ["Load"] = ["Measurement", "Scorecard"],
            ["Scale"] = ["Load", "Plots", "Scorecard"],
            ["Quantization"] = ["Measurement", "Scorecard"],
            ["Suites"] = ["Measurement", "Plots", "Quantization"],
            ["Plots"] = ["Measurement", "Suites"],
        },
    };

    [Theory]
    [InlineData("src/MlServe.Extensions", 60)]
    [InlineData("src/MlServe.Quantization", 150)]
    [InlineData("tools/MlServe.Cli", 10)]
    [InlineData("benchmarks/MlServe.Benchmarks", 100)]
    public void Project_EveryFile_KeepsToItsFolder(string project, int atLeast)
    {
        var files = Repository.Files(project, "*.cs");
        Assert.True(files.Count >= atLeast, $"Only {files.Count} files were found: the test does not see the sources.");
        Assert.Empty(FaultsOf(project, files));
    }

    [Fact]
    public void Extensions_FoldersInTheDocument_AreThoseOfTheTable()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root(), "ARCHITECTURE.md"));
        Assert.Equal(
            MayUse["src/MlServe.Extensions"].Select(static room => $"{room.Key}: {string.Join(", ", room.Value)}"),
            Row().Matches(document).Select(static row => $"{row.Groups[1].Value}: {row.Groups[2].Value}"));
    }

    [Theory]
    [InlineData("Configuration/A.cs", "using MlServe.Hosting;\nnamespace MlServe.Configuration;", "Hosting")]
    [InlineData("Features/BuiltIn/A.cs", "namespace MlServe.Features;\nclass A { MlServe.Hosting.ModelEntry? E; }", "Hosting")]
    [InlineData("Serving/A.cs", "namespace MlServe.Serving;", "not in the table")]
    public void Faults_AnArrowUpwardsInExtensions_IsFound(string path, string text, string expected)
    {
        var files = Repository.Files("src/MlServe.Extensions", "*.cs");
        files.Add((path, text));
        Assert.Contains(expected, Assert.Single(FaultsOf("src/MlServe.Extensions", files)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Model/A.cs", "using MlServe.Quantization.Runtime;\nnamespace MlServe.Quantization.Model;", "Runtime")]
    [InlineData("Model/A.cs", "namespace MlServe.Quantization.Model;\nclass A { Runtime.GraphSession? S; }", "Runtime")]
    [InlineData(
        "Runtime/A.cs", "using static MlServe.Quantization.Evaluation.Plans;\nnamespace MlServe.Quantization.Runtime;", "Evaluation")]
    [InlineData(
        "Rewriting/Static/A.cs", "using M = MlServe.Quantization.Evaluation.Metrics;\nnamespace MlServe.Quantization.Rewriting;",
        "Evaluation")]
    [InlineData(
        "Samples/A.cs", "namespace MlServe.Quantization.Samples;\nclass A { MlServe.Quantization.Model.OnnxDocument? D; }", "Model")]
    [InlineData("New/A.cs", "namespace MlServe.Quantization.New;", "not in the table")]
    public void Faults_AnArrowSidewaysOrUpwards_IsFound(string path, string text, string expected)
    {
        var files = Repository.Files("src/MlServe.Quantization", "*.cs");
        files.Add((path, text));
        Assert.Contains(expected, Assert.Single(FaultsOf("src/MlServe.Quantization", files)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Runtime/A.cs", "using MlServe.Quantization.Model;\nnamespace MlServe.Quantization.Runtime;")]
    [InlineData(
        "Model/A.cs",
        "namespace MlServe.Quantization.Model;\n// As MlServe.Quantization.Runtime does.\nclass A { string S = "
        + "\"MlServe.Quantization.Runtime\"; }")]
    [InlineData(
        "Model/A.cs",
        "namespace MlServe.Quantization.Model;\nclass A(A Runtime) { int Count => Runtime.Count; int Own => Model.OnnxFile.Size; }")]
    [InlineData("A.cs", "using MlServe.Quantization.Evaluation;\nnamespace MlServe.Quantization;")]
    public void Faults_AnArrowDownwards_IsNone(string path, string text)
    {
        var files = Repository.Files("src/MlServe.Quantization", "*.cs");
        files.Add((path, text));
        Assert.Empty(FaultsOf("src/MlServe.Quantization", files));
    }

    private static List<string> FaultsOf(string project, List<(string Path, string Text)> files)
    {
        var faults = new List<string>();
        var rooms = MayUse[project];

        // The host's package adds to the namespace that every user has open.
        var root = project == "src/MlServe.Extensions" ? "MlServe" : project[(project.IndexOf('/', StringComparison.Ordinal) + 1)..];
        var types = files.ToLookup(
            static file => RoomOf(file.Path), static file => Path.GetFileNameWithoutExtension(file.Path).Split('.')[0]);
        foreach (var (path, text) in files)
        {
            var home = RoomOf(path);
            if (home.Length == 0) continue;
            if (!rooms.TryGetValue(home, out var allowed))
            {
                faults.Add($"{path}: the folder {home} is not in the table of {project}.");
                continue;
            }

            var names = Name().Matches(ArchitectureTests.CodeOf(text)).Select(static match => match.Value).ToHashSet();
            foreach (var room in rooms.Keys.Where(room => room != home && !allowed.Contains(room)))
            {
                // By the full name, or as what lies within the same namespace may write it.
                if (names.Any(name => Begins(name, $"{root}.{room}") || types[room].Any(type => Begins(name, $"{room}.{type}"))))
                    faults.Add($"{path} ({home}) names {room}.");
            }
        }

        return faults;
    }

    private static string RoomOf(string path) =>
        path.Contains('/', StringComparison.Ordinal) ? path[..path.IndexOf('/', StringComparison.Ordinal)] : "";

    private static bool Begins(string name, string start) => name == start || name.StartsWith(start + ".", StringComparison.Ordinal);

    /// <summary>A row of the document's table of the folders of Extensions.</summary>
    [GeneratedRegex(@"^\| `src/MlServe\.Extensions/(\w+)` \|[^|]*\| ([^|]*) \|\r?$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"(?<![\w.])(?:[A-Z]\w*\.)+[A-Z]\w*")]
    private static partial Regex Name();
}
