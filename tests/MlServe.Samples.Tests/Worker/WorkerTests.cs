using System.Globalization;

namespace MlServe.Samples.Worker;

public sealed class WorkerTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlserve-worker-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Run_WithoutAFile_ScoresMnistsTestImages()
    {
        var output = PathOf("scores.csv");
        var (exitCode, said) = await RunAsync(["--output", output], ("TMPDIR", _folder.FullName), ("TMP", _folder.FullName));
        Assert.Equal(0, exitCode);
        Assert.Equal("10000", ValueOf(said, "rows"));
        Assert.Equal("0", ValueOf(said, "skipped"));
        Assert.True(double.Parse(ValueOf(said, "accuracy"), CultureInfo.InvariantCulture) >= 0.99, said);
        Assert.Matches(@"(?m)^ +\d+ %  \d+ rows", said);
        Assert.Equal(10_001, File.ReadLines(output).Count());
        Assert.False(File.Exists(output + ".partial"));
    }

    [Fact]
    public async Task Run_BadRow_FailsWithItsLineAndGoesOnFromThere()
    {
        var (input, output) = (PathOf("in.csv"), PathOf("out.csv"));
        WriteRows(input, 5, badLine: 4);
        var (exitCode, said) = await RunAsync([input, "--output", output]);
        Assert.Equal(1, exitCode);
        Assert.Contains($"error: {input}, line 4: column 'p1' is 'x'; it must be a number from 0 to 255.", said, StringComparison.Ordinal);
        Assert.False(File.Exists(output));
        Assert.Equal(["line,digit,confidence", "2,7", "3,7"], WithoutConfidence(output + ".partial"));

        WriteRows(input, 5);
        (exitCode, said) = await RunAsync([input, "--output", output, "--resume"]);
        Assert.Equal(0, exitCode);
        Assert.Equal("3", ValueOf(said, "rows"));
        Assert.Equal(["line,digit,confidence", "2,7", "3,7", "4,7", "5,7", "6,7"], WithoutConfidence(output));
    }

    [Fact]
    public async Task Run_BadRowToSkip_LeavesItOut()
    {
        var input = PathOf("in.csv");
        WriteRows(input, 5, badLine: 4);
        var (exitCode, said) = await RunAsync([input, "--on-error", "skip", "--batch", "2"]);
        Assert.Equal(0, exitCode);
        Assert.Equal("1", ValueOf(said, "skipped"));
        Assert.Contains("left out: ", said, StringComparison.Ordinal);
        Assert.Equal(["line,digit,confidence", "2,7", "3,7", "5,7", "6,7"], WithoutConfidence(PathOf("in.scores.csv")));
    }

    [Theory]
    [InlineData("no-such-file.csv")]
    [InlineData("--batch", "0")]
    [InlineData("--on-error", "maybe")]
    public async Task Run_WrongArguments_SaysSoAndFails(params string[] arguments) => Assert.Equal(1, (await RunAsync(arguments)).ExitCode);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private static async Task<(int ExitCode, string Output)> RunAsync(string[] arguments, params (string, string)[] environment)
    {
        await using var process = SampleProcess.StartSample("Worker", arguments, environment);
        return (await process.ExitAsync(), process.Output);
    }

    private static void WriteRows(string path, int rows, int badLine = 0) => RowFile.Write(path, rows, badLine);

    private static IEnumerable<string> WithoutConfidence(string path) =>
        File.ReadLines(path).Select(static (line, i) => i == 0 ? line : line[..line.LastIndexOf(',')]);

    private static string ValueOf(string output, string key) =>
        output.Split('\n').Single(line => line.StartsWith($"{key}: ", StringComparison.Ordinal))[(key.Length + 2)..].Trim();
}
