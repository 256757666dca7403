namespace MlServe;

/// <summary>Sources fit on a screen: lines of 140 columns at most, and files of 350 lines in what ships.</summary>
public sealed class SourceFormTests
{
    private const int MaxColumns = 140;
    private const int MaxLines = 350;

    private static readonly string[] Folders = ["src", "tools", "samples", "benchmarks", "tests"];

    [Fact]
    public void Sources_EveryFile_FitsOnAScreen()
    {
        var files = Folders
            .SelectMany(static folder => Repository.Files(folder, "*.cs").Select(file => (Path: $"{folder}/{file.Path}", file.Text)))
            .ToList();
        Assert.True(files.Count > 1000, $"Only {files.Count} files were found: the test does not see the sources.");
        var faults = files.SelectMany(static file => FaultsOf(file.Path, file.Text)).ToList();
        Assert.True(faults.Count == 0, string.Join(Environment.NewLine, faults));
    }

    [Theory]
    [InlineData("src/MlServe.Core/Onnx/A.cs", 1, 141, "src/MlServe.Core/Onnx/A.cs:1 has 141 columns")]
    [InlineData("tests/MlServe.Cli.Tests/A.cs", 3, 300, "tests/MlServe.Cli.Tests/A.cs:3 has 300 columns")]
    [InlineData("src/MlServe.Core/BatchingLike/A.cs", 1, 141, "src/MlServe.Core/BatchingLike/A.cs:1 has 141 columns")]
    [InlineData("src/MlServe.Core/Onnx/A.cs", 351, 1, "src/MlServe.Core/Onnx/A.cs has 351 lines")]
    [InlineData("src/MlServe.Core/Batching/A.cs", 351, 1, "src/MlServe.Core/Batching/A.cs has 351 lines")]
    [InlineData("tools/MlServe.Cli/A.cs", 400, 1, "tools/MlServe.Cli/A.cs has 400 lines")]
    public void Faults_TooLong_IsFound(string path, int lines, int columns, string expected)
    {
        var text = string.Concat(Enumerable.Repeat("\n", lines - 1)) + new string('x', columns) + "\n";
        Assert.StartsWith(expected, Assert.Single(FaultsOf(path, text)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("src/MlServe.Core/Onnx/A.cs", 350, 140)]
    [InlineData("tests/MlServe.Cli.Tests/A.cs", 500, 140)]
    public void Faults_JustShortEnough_IsNone(string path, int lines, int columns)
    {
        var text = string.Concat(Enumerable.Repeat("\r\n", lines - 1)) + new string('x', columns) + "\r\n";
        Assert.Empty(FaultsOf(path, text));
    }

    private static IEnumerable<string> FaultsOf(string path, string text)
    {
        var lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        var isShipped = path.StartsWith("src/", StringComparison.Ordinal) || path.StartsWith("tools/", StringComparison.Ordinal);
        if (isShipped && lines.Length > MaxLines)
            yield return $"{path} has {lines.Length} lines, {MaxLines} are allowed: take it apart by what its parts are about.";
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length > MaxColumns)
                yield return $"{path}:{i + 1} has {lines[i].Length} columns, {MaxColumns} are allowed: wrap it.";
        }
    }
}
