using System.Text.RegularExpressions;

namespace MlServe;

/// <summary>
/// Reads the sources for aggregates over spans that may have no elements: <c>IsFiniteAll</c> and its like are false of nothing, <c>Min</c>,
/// <c>Max</c> and <c>MaxMagnitude</c> throw. An image without boxes is no fault of anybody's.
/// </summary>
public sealed partial class EmptySpanTests
{
    /// <summary>Who aggregates all the same, and how often; each looks first whether there is anything.</summary>
    private static readonly Dictionary<string, (string Reason, int Calls)> Looked = new()
    {
        ["GraphTensor.cs"] = ("the index of nothing is -1, and is looked at", 1),
        ["RowAgreement.cs"] = ("Length > 0 stands in the pattern", 2),
        ["SampleSuspicions.cs"] = ("IsEmpty is asked first", 2),
        ["VectorTally.cs"] = ("looked at for each row, of which there is one then", 2),
        ["RangeObserver.cs"] = ("returns where the values are empty", 2),
        ["ChannelRangeObserver.cs"] = ("returns where the values are empty; then no channel is", 2),
        ["DynamicLstms.cs"] = ("sizes below 1 are turned down before", 1),
        ["HalfStorage.cs"] = ("weights without elements are not stored (StoredWeights, MatrixProduct)", 1),
        ["Int8Rounding.cs"] = ("as HalfStorage", 1),
        ["BlockRounding.cs"] = ("as HalfStorage", 3),
    };

    [Fact]
    public void Sources_AggregatesOfSpans_LookFirstWhetherThereIsAnything()
    {
        var faults = new List<string>();
        var files = 0;
        foreach (var project in (string[])["MlServe.Core", "MlServe.Extensions", "MlServe.Quantization", "MlServe.Benchmarking",
            "MlServe.Testing"])
        {
            foreach (var (path, text) in SourcesOf(project))
            {
                files++;
                var calls = FaultsIn(text);
                if (calls.Count > Looked.GetValueOrDefault(Path.GetFileName(path)).Calls) faults.Add($"{path}: {string.Join(", ", calls)}");
            }
        }

        Assert.True(files > 300, $"Only {files} files were found: the test does not see the sources.");
        Assert.True(
            faults.Count == 0, $"Look whether there are any elements, or use FiniteScan; then say so here: {string.Join("; ", faults)}");
    }

    [Theory]
    [InlineData("var b = TensorPrimitives.IsFiniteAll<float>(x);", 1)]
    [InlineData("if (TensorPrimitives.IsNaNAll(x)) return TensorPrimitives.Max(x);", 2)]
    [InlineData("return System.Numerics.Tensors.TensorPrimitives.IndexOfMin(x);", 1)]
    [InlineData("Math.Abs(TensorPrimitives.MaxMagnitude<double>(x))", 1)]
    [InlineData("var m = TensorPrimitives.MaxMagnitude(x.Slice(Start(a, b), 3));", 1)]
    [InlineData("TensorPrimitives.Max(x, y, target); TensorPrimitives.Multiply(x, 2, y); TensorPrimitives.Sum(x);", 0)]
    public void Faults_InText_AreFound(string text, int count) => Assert.Equal(count, FaultsIn(text).Count);

    /// <summary>Of nothing a sum is 0 and an average NaN; element by element with a target, nothing is done.</summary>
    private static List<string> FaultsIn(string text) =>
        [.. Aggregate().Matches(text).Where(static match => !HasSeveral(match.Groups["arguments"].Value))
            .Select(static match => match.Groups["name"].Value)];

    private static bool HasSeveral(string arguments)
    {
        for (var inner = Nested().Replace(arguments, ""); inner != arguments; inner = Nested().Replace(arguments, ""))
            arguments = inner;
        return arguments.Contains(',', StringComparison.Ordinal);
    }

    private static List<(string Path, string Text)> SourcesOf(string project)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "MlServe.sln"))) continue;
            var root = Path.Combine(folder.FullName, "src", project);
            return [.. Directory.GetFiles(root, "*.cs", SearchOption.AllDirectories).Select(static file => (file, File.ReadAllText(file)))];
        }

        Assert.Skip("Needs the sources beside the tests.");
        return [];
    }

    [GeneratedRegex(
        @"TensorPrimitives\.(?<name>Is\w+(?:All|Any)|(?:IndexOf)?(?:Min|Max)(?:Magnitude)?(?:Number)?|Average|StdDev"
        + @"|CosineSimilarity|Product\w*)(?:<\w+>)?\((?<arguments>(?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*)\)")]
    private static partial Regex Aggregate();

    [GeneratedRegex(@"\([^()]*\)")]
    private static partial Regex Nested();
}
