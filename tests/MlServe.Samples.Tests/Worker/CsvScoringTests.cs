using MlServe.Onnx;

namespace MlServe.Samples.Worker;

public sealed class CsvScoringTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlserve-worker-");
    private readonly OnnxPredictor _digits = OnnxPredictor.Load(Path.Combine(Repository.Root, "samples", "assets", "digits.onnx"));

    public void Dispose()
    {
        _digits.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Run_Cancelled_WritesWhatWasReadAndGoesOnFromThere()
    {
        const int Rows = 200;
        var options = OptionsFor(Rows);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new CsvScoring(_digits, options).RunAsync(_ => cancellation.Cancel(), null, cancellation.Token));
        var first = File.ReadLines(options.Partial).Count() - 1;
        Assert.InRange(first, 1, Rows - 1);

        var rest = await new CsvScoring(
            _digits, options with { Resume = true }).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Rows - first, rest.Rows);
        Assert.Equal(Enumerable.Range(2, Rows), LinesOf(options.Output));
    }

    [Fact]
    public async Task Run_ResumedAfterATornLine_WritesItAnew()
    {
        var options = OptionsFor(5) with { Resume = true };
        await File.WriteAllTextAsync(options.Partial, "line,digit,confidence\n2,7,1.0000\n3,7,0.9", TestContext.Current.CancellationToken);
        await new CsvScoring(_digits, options).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([2, 3, 4, 5, 6], LinesOf(options.Output));
    }

    [Theory]
    [InlineData("")]
    [InlineData("line,dig")]
    [InlineData("line,digit,confidence\n")]
    public async Task Run_ResumedWithNothingToGoOnFrom_BeginsAtTheBeginning(string partial)
    {
        var options = OptionsFor(3) with { Resume = true };
        await File.WriteAllTextAsync(options.Partial, partial, TestContext.Current.CancellationToken);
        await new CsvScoring(_digits, options).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([2, 3, 4], LinesOf(options.Output));
    }

    [Fact]
    public async Task Run_OtherColumns_SaysWhatTheFileMustHave()
    {
        var options = OptionsFor(0);
        await File.WriteAllTextAsync(options.Input, "a,b\n1,2\n", TestContext.Current.CancellationToken);
        var exception = await Assert.ThrowsAsync<BadRowException>(
            () => new CsvScoring(_digits, options).RunAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("has 2 columns", exception.Message, StringComparison.Ordinal);
    }

    private ScoringOptions OptionsFor(int rows)
    {
        var input = Path.Combine(_folder.FullName, "in.csv");
        RowFile.Write(input, rows);
        return new(input, Path.Combine(_folder.FullName, "out.csv"), OnError.Fail, BatchRows: 2, Resume: false);
    }

    private static IEnumerable<int> LinesOf(string output) =>
        File.ReadLines(output)
            .Skip(1)
            .Select(static line => int.Parse(line.Split(',')[0], System.Globalization.CultureInfo.InvariantCulture));
}
