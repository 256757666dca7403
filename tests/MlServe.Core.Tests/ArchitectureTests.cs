using System.Text.RegularExpressions;

namespace MlServe;

/// <summary>Reads the sources and fails where an arrow between the rooms of the house runs sideways or upwards.</summary>
public sealed partial class ArchitectureTests
{
    private const string Contracts = "MlServe.Contracts";
    private const string Calls = "MlServe.Calls";
    private const string Execution = "MlServe.Execution";
    private const string Engine = "MlServe.Engine";

    /// <summary>Rooms whose types stand in the namespace that every user has open.</summary>
    private static readonly string[] Common = [Contracts, Calls, Execution, Engine];

    private static readonly string[] Ground =
        [Contracts, Calls, Engine, "MlServe.Tensors", "MlServe.Guests", "MlServe.Threading", "MlServe.Statistics"];

    /// <summary>For each room, by its folder, the rooms that it may name besides itself. Other folders sort what is in a room.</summary>
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        // A prediction is kept in pooled memory: the contracts show it, the calls hold it.
        [Contracts] = [Calls, "MlServe.Tensors", "MlServe.Guests", "MlServe.Threading"],
        [Calls] = [Contracts, "MlServe.Tensors", "MlServe.Guests", "MlServe.Threading"],
        [Execution] = [Contracts, Calls, "MlServe.Tensors", "MlServe.Threading"],
        [Engine] = [Contracts, Calls, "MlServe.Tensors", "MlServe.Guests", "MlServe.Threading"],
        ["MlServe.Tensors"] = [],
        ["MlServe.Guests"] = [],
        ["MlServe.Threading"] = ["MlServe.Guests"],
        ["MlServe.Statistics"] = [],
        ["MlServe.Onnx"] = [.. Ground, Execution, "MlServe.Onnx.Inspection", "MlServe.Onnx.Graphs", "MlServe.Onnx.Rows",
            "MlServe.Onnx.Probing", "MlServe.Onnx.Files", "MlServe.Onnx.Verification", "MlServe.Onnx.Finite", "MlServe.Onnx.Profiles"],
        ["MlServe.Onnx.Finite"] = [Contracts, Calls, Execution, "MlServe.Tensors", "MlServe.Onnx", "MlServe.Onnx.Probing"],
        ["MlServe.Onnx.Profiles"] = [Contracts, "MlServe.Tensors", "MlServe.Onnx", "MlServe.Onnx.Files", "MlServe.Onnx.Rows"],
        ["MlServe.Onnx.Graphs"] = ["MlServe.Onnx.Inspection"],
        ["MlServe.Onnx.Probing"] = [Contracts, Calls, Execution, "MlServe.Tensors", "MlServe.Onnx.Graphs", "MlServe.Onnx.Rows"],
        ["MlServe.Onnx.Rows"] = ["MlServe.Onnx.Graphs", "MlServe.Onnx.Inspection"],

        // The inspection's door hands what it has read to the safety check, which reads by the inspection's reader.
        ["MlServe.Onnx.Inspection"] = ["MlServe.Onnx.Safety"],
        ["MlServe.Onnx.Safety"] = ["MlServe.Onnx.Graphs", "MlServe.Onnx.Inspection"],
        ["MlServe.Onnx.Files"] = [],
        ["MlServe.Onnx.Verification"] = [Contracts, "MlServe.Guests", "MlServe.Threading", "MlServe.Onnx.Files"],
        ["MlServe.Storage"] = [Contracts, "MlServe.Guests", "MlServe.Onnx.Files"],
        ["MlServe.Batching"] = [.. Ground, Execution],
        ["MlServe.Caching"] = [.. Ground, Execution],
        ["MlServe.Resilience"] = [.. Ground, Execution],
        ["MlServe.Monitoring"] = [.. Ground, Execution],
    };

    /// <summary>What the inspection and the safety check may take from the contracts: how they say no.</summary>
    private static readonly string[] ContractsOfInspection = ["ModelLoadException", "ModelLoadFailure"];

    /// <summary>What the guards may take from the contracts: the names under which they report.</summary>
    private static readonly string[] ContractsOfGuests = ["MlServeDiagnostics"];

    [Fact]
    public void Core_EveryFile_KeepsToItsRoom()
    {
        var files = SourcesOf("MlServe.Core");
        Assert.True(files.Count > 50, $"Only {files.Count} files were found: the test does not see the sources.");
        Assert.Empty(FaultsOf(files));
    }

    [Fact]
    public void Core_EveryFolder_IsARoomOfTheHouse()
    {
        foreach (var (path, text) in SourcesOf("MlServe.Core"))
        {
            var home = HomeOf(path);
            Assert.Contains(home, MayUse.Keys);
            Assert.InRange(path.Count(static character => character == Path.DirectorySeparatorChar), 1, 2);

            // Builder extensions stand in the common namespace too; their folder says whose they are.
            var name = NamespaceOf(text);
            if (name != "MlServe") Assert.Equal(home, name);
            if (Common.Contains(home)) Assert.Equal("MlServe", name);
        }
    }

    [Fact]
    public void Rooms_InTheTable_AreThoseOfTheSourcesAndOfTheDocument()
    {
        var rooms = MayUse.Keys.Order(StringComparer.Ordinal).ToList();
        Assert.Equal(
            rooms, SourcesOf("MlServe.Core").Select(static file => HomeOf(file.Path)).Distinct().Order(StringComparer.Ordinal));
        var document = File.ReadAllText(Path.Combine(Repository.Root(), "ARCHITECTURE.md"));
        Assert.Equal(
            rooms,
            Row().Matches(document).Select(static row => $"MlServe.{row.Groups[1].Value.TrimEnd('/').Replace('/', '.')}")
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Batching/A.cs", "using MlServe.Caching;\nnamespace MlServe.Batching;", "MlServe.Caching")]
    [InlineData("Batching/A.cs", "namespace MlServe.Batching;\nclass A { MlServe.Onnx.OnnxPredictor P; }", "MlServe.Onnx")]
    [InlineData("Contracts/A.cs", "using Microsoft.ML.OnnxRuntime;\nnamespace MlServe;", "Microsoft.ML.OnnxRuntime")]
    [InlineData(
        "Contracts/A.cs", "namespace MlServe;\nclass A { object o = new Microsoft.ML.OnnxRuntime.SessionOptions(); }",
        "Microsoft.ML.OnnxRuntime")]
    [InlineData("Monitoring/A.cs", "using ORT = Microsoft.ML.OnnxRuntime;\nnamespace MlServe.Monitoring;", "Microsoft.ML.OnnxRuntime")]
    [InlineData("Contracts/A.cs", "using MlServe.Onnx;\nnamespace MlServe;", "MlServe.Onnx")]
    [InlineData("Contracts/A.cs", "namespace MlServe;\nclass A { Batching.BatchingPredictor? P; }", "MlServe.Batching")]
    [InlineData("Contracts/A.cs", "namespace MlServe;\nclass A { Statistics.Histogram? P; }", "MlServe.Statistics")]
    [InlineData("Tensors/A.cs", "namespace MlServe.Tensors;\nclass A { ModelSignature? S; }", "ModelSignature")]
    [InlineData("Statistics/A.cs", "using MlServe.Tensors;\nnamespace MlServe.Statistics;", "MlServe.Tensors")]
    [InlineData("Threading/A.cs", "using static MlServe.Tensors.Shapes;\nnamespace MlServe.Threading;", "MlServe.Tensors")]
    [InlineData("Onnx/Inspection/A.cs", "namespace MlServe.Onnx.Inspection;\nclass A { ModelSignature? S; }", "ModelSignature")]
    [InlineData("Onnx/Inspection/A.cs", "namespace MlServe.Onnx.Inspection;\nclass A { OnnxPredictor? S; }", "OnnxPredictor")]
    [InlineData("Onnx/Graphs/A.cs", "using MlServe.Onnx;\nnamespace MlServe.Onnx.Graphs;", "MlServe.Onnx")]
    [InlineData("Onnx/Graphs/A.cs", "namespace MlServe.Onnx.Graphs;\nclass A { OnnxPredictor? S; }", "OnnxPredictor")]
    [InlineData("Onnx/Probing/A.cs", "namespace MlServe.Onnx.Probing;\nclass A { OnnxPredictor? P; }", "OnnxPredictor")]
    [InlineData("Onnx/Graphs/A.cs", "using MlServe.Onnx.Rows;\nnamespace MlServe.Onnx.Graphs;", "MlServe.Onnx.Rows")]
    [InlineData("Onnx/A.cs", "using MlServe.Batching;\nnamespace MlServe.Onnx;", "MlServe.Batching")]
    [InlineData("Onnx/A.cs", "using Microsoft.Extensions.DependencyInjection;\nnamespace MlServe.Onnx;", "DependencyInjection")]
    [InlineData("Caching/A.cs", "using MlServe.Extensions;\nnamespace MlServe.Caching;", "MlServe.Extensions")]
    [InlineData("Contracts/Inputs/A.cs", "namespace MlServe;\nclass A { Pipeline? P; }", "Pipeline of MlServe.Engine")]
    [InlineData("Contracts/Models/A.cs", "namespace MlServe;\nclass A { RunGate? G; }", "RunGate of MlServe.Execution")]
    [InlineData("Calls/A.cs", "namespace MlServe;\nclass A { StagedPredictor? P; }", "StagedPredictor of MlServe.Engine")]
    [InlineData("Engine/A.cs", "namespace MlServe;\nclass A { RunGate? G; }", "RunGate of MlServe.Execution")]
    [InlineData("Execution/A.cs", "namespace MlServe;\nclass A { Pipeline? P; }", "Pipeline of MlServe.Engine")]
    [InlineData("Batching/Queues/A.cs", "using MlServe.Caching;\nnamespace MlServe.Batching;", "MlServe.Caching")]
    [InlineData("Caching/X.cs", "using MlServe.Batching;\nnamespace MlServe;", "MlServe.Batching")]
    [InlineData(
        "Caching/X.cs", "namespace MlServe;\nclass A { string B = nameof(PredictorBuilderTelemetryExtensions); }",
        "PredictorBuilderTelemetryExtensions")]
    public void Faults_AnArrowSidewaysOrUpwards_IsFound(string path, string text, string expected)
    {
        var files = SourcesOf("MlServe.Core");
        files.Add((path.Replace('/', Path.DirectorySeparatorChar), text));
        Assert.Contains(expected, Assert.Single(FaultsOf(files)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Batching/A.cs", "using MlServe.Tensors;\nnamespace MlServe.Batching;\nclass A { Prediction P; }")]
    [InlineData(
        "Batching/A.cs",
        "namespace MlServe.Batching;\n// Unlike MlServe.Caching this is fine.\n/// <see cref=\"MlServe.Onnx.OnnxPredictor\" />\nclass A { "
        + "string s = \"MlServe.Caching\"; }")]
    [InlineData("Onnx/Inspection/A.cs", "namespace MlServe.Onnx.Inspection;\nclass A { ModelLoadException? S; ModelLoadFailure F; }")]
    [InlineData("Caching/X.cs", "using MlServe.Caching;\nusing MlServe.Tensors;\nnamespace MlServe;\nclass A { Prediction P; }")]
    public void Faults_AnArrowDownwards_IsNone(string path, string text)
    {
        var files = SourcesOf("MlServe.Core");
        files.Add((path.Replace('/', Path.DirectorySeparatorChar), text));
        Assert.Empty(FaultsOf(files));
    }

    private static List<string> FaultsOf(List<(string Path, string Text)> files)
    {
        var faults = new List<string>();
        var types = files.Select(static file =>
            (Name: Path.GetFileNameWithoutExtension(file.Path), Home: HomeOf(file.Path), Namespace: NamespaceOf(file.Text)))
            .ToLookup(static type => type.Name);
        foreach (var (path, text) in files)
        {
            var home = HomeOf(path);
            var allowed = MayUse.GetValueOrDefault(home, []);
            var code = CodeOf(text);
            var names = new HashSet<string>();
            foreach (Match match in QualifiedName().Matches(code))
                names.Add(match.Value);

            // Rooms by their full name, or as the contracts' own namespace lets one write them.
            var rooms = MayUse.Keys.Where(static room => !Common.Contains(room))
                .Append("MlServe.Extensions")
                .Append("MlServe.Quantization");
            foreach (var room in rooms.Where(room => room != home && !allowed.Contains(room)))
            {
                var brief = room["MlServe.".Length..];
                if (names.Any(name => RoomOf(name) == room) || (names.Any(name => Begins(name, brief)) && !IsDeeperBrief(brief, home)))
                    faults.Add($"{path} ({home}) names {room}.");
            }

            foreach (var foreign in (string[])["Microsoft.ML.OnnxRuntime", "Microsoft.Extensions.DependencyInjection",
                "Microsoft.Extensions.Hosting", "Microsoft.AspNetCore"])
            {
                if (foreign == "Microsoft.ML.OnnxRuntime" && home == "MlServe.Onnx") continue;
                if (names.Any(name => Begins(name, foreign))) faults.Add($"{path} ({home}) names {foreign}.");
            }

            // Types that need no using because a room lies within another's namespace.
            foreach (Match match in Identifier().Matches(code))
            {
                // What stands nearest is meant: a room's own type before another's of the same name.
                var owners = types[match.Value].Where(type => Begins(NamespaceOf(text), type.Namespace)).ToList();
                if (owners.Count == 0 || owners.Exists(type => type.Home == home || allowed.Contains(type.Home))) continue;
                if (home is "MlServe.Onnx.Inspection" or "MlServe.Onnx.Safety" && ContractsOfInspection.Contains(match.Value)) continue;
                if (home == "MlServe.Guests" && ContractsOfGuests.Contains(match.Value)) continue;
                faults.Add($"{path} ({home}) names {match.Value} of {owners[0].Home}.");
                break;
            }
        }

        return faults;
    }

    /// <summary>The room that a file belongs to, the innermost one that its folder lies in.</summary>
    private static string HomeOf(string path)
    {
        var folder = $"MlServe.{Path.GetDirectoryName(path)!.Replace(Path.DirectorySeparatorChar, '.')}";
        return MayUse.Keys.Where(room => Begins(folder, room)).MaxBy(static room => room.Length) ?? folder;
    }

    private static string NamespaceOf(string text) => Namespace().Match(text).Groups[1].Value;

    private static bool Begins(string name, string room) => name == room || name.StartsWith(room + ".", StringComparison.Ordinal);

    /// <summary>The innermost room that a full name is of: rooms lie within rooms.</summary>
    private static string? RoomOf(string name) =>
        MayUse.Keys.Append("MlServe.Extensions")
            .Append("MlServe.Quantization")
            .Where(room => Begins(name, room))
            .MaxBy(static room => room.Length);

    private static bool IsDeeperBrief(string brief, string home) => Begins(home, $"MlServe.{brief}");

    /// <summary>The text without comments and strings.</summary>
    internal static string CodeOf(string text) => Namespace().Replace(NoCode().Replace(text, " "), " ");

    internal static List<(string Path, string Text)> SourcesOf(string project) =>
        [.. Repository.Files(Path.Combine("src", project), "*.cs")
            .Select(static file => (file.Path.Replace('/', Path.DirectorySeparatorChar), file.Text))];

    /// <summary>A row of the table of rooms: a folder, what lives there, what it may use.</summary>
    [GeneratedRegex(@"^\| `([A-Z][\w/]*)` \|[^|]*\|[^|]*\|\r?$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)\s*;", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"(?<![\w.])(?:[A-Z]\w*\.)+[A-Z]\w*|(?<![\w.])[A-Z]\w*(?=\.)")]
    private static partial Regex QualifiedName();

    [GeneratedRegex(@"(?<![\w.])[A-Z]\w+")]
    private static partial Regex Identifier();

    [GeneratedRegex(
        @"//[^\n]*|/\*.*?\*/|""""""[\s\S]*?""""""|@""(?:[^""]|"""")*""|""(?:\\.|[^""\\\n])*""|'(?:\\.|[^'\\])'", RegexOptions.Singleline)]
    private static partial Regex NoCode();
}
