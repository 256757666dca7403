using MlServe.Docs.Markdown;
using MlServe.Docs.Samples;
using Xunit;

namespace MlServe.Docs;

public sealed class CSharpBlockTests
{
    private const int MaxSkipped = 2;

    private static readonly IReadOnlyList<MarkdownDocument> Documents = [.. Repository.Documents.Select(MarkdownDocument.Load)];

    private static readonly Dictionary<string, Sample> Samples =
        Documents.SelectMany(Sample.Of).ToDictionary(static sample => sample.Block.Place, StringComparer.Ordinal);

    public static TheoryData<string> All => [.. Samples.Keys];

    public static TheoryData<string> Programs => [.. Samples.Where(static sample => sample.Value.Runs).Select(static sample => sample.Key)];

    [Theory]
    [MemberData(nameof(All))]
    public void Block_AsItStands_Compiles(string place)
    {
        var errors = SampleCompiler.Check(Samples[place]);
        Assert.True(errors.Count == 0, string.Join('\n', errors));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task Program_AsItStands_RunsAndEndsWell(string place)
    {
        using var folder = new SampleFolder();
        await ProgramRun.CheckAsync(Samples[place], folder, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public async Task FirstPrediction_AnyImage_PrintsItsDigit(int image)
    {
        var sample = Samples.Values.Single(static sample => sample.Block is { Document: "README.md", Marker.Name: "first-prediction" });
        using var folder = new SampleFolder(image);
        await using var process = SampleProcess.Start(sample, folder);

        Assert.Equal(0, await process.StopAsync(TestContext.Current.CancellationToken));
        ProgramRun.CheckPrints(sample, process, $"digit: {folder.Digit}");
    }

    [Fact]
    public void Readme_Programs_AreRun() => Assert.All(
        ["first-prediction", "web"],
        static name =>
            Assert.Contains(
                Samples.Values, sample => sample.Runs && sample.Block is { Document: "README.md" } block && block.Marker?.Name == name));

    [Fact]
    public void Blocks_AreMany()
    {
        Assert.True(Samples.Count >= 30, $"{Samples.Count} blocks were found: is the folder of the documents the right one?");
        Assert.True(Samples.Values.Count(static sample => sample.Runs) >= 5, "Few programs are run: does Sample still find them?");
    }

    [Fact]
    public void Blocks_LeftOut_AreFew()
    {
        var skipped = Documents.SelectMany(static document => document.Blocks)
            .Where(static block => block.Marker?.Skip is not null).ToList();
        Assert.True(skipped.Count <= MaxSkipped, $"At most {MaxSkipped} blocks may be left out: {string.Join(", ", skipped)}");
    }

    [Fact]
    public void Blocks_OfCSharp_AreCalledCSharp() => Assert.DoesNotContain(
        Documents.SelectMany(static document => document.Blocks),
        static block => block.Language.ToUpperInvariant() is "C#" or "CS" or "CSX");

    [Theory]
    [InlineData("int one = \"two\";", "CS0029")]
    [InlineData("using MlServe;\nvar it = predictor;", "CS0103")]
    [InlineData("public sealed class Broken : IPredictor;", "CS0535")]
    [InlineData("options.IntraOpThread = 1;", "CS1061")]
    [InlineData("Prediction.FromError(null);\nbuilder.Services.AddMlServing(", "CS1026")]
    public void Check_BrokenBlock_NamesPlaceAndError(string code, string error)
    {
        var document = MarkdownDocument.Parse("docs/broken.md", $"# Title\n\n```csharp\n{code}\n```\n");

        var errors = SampleCompiler.Check(Sample.Of(document).Single());

        var line = 4 + code.Count(static c => c == '\n');
        Assert.Contains(errors, message => message.StartsWith($"docs/broken.md:{line}: {error} ", StringComparison.Ordinal));
    }

    [Fact]
    public void Check_BlockWithAnother_ReportsTheOtherAtItsOwnPlace()
    {
        var document = MarkdownDocument.Parse(
            "docs/broken.md",
            "<!-- sample: part -->\n```csharp\nclass Part { Missing It; }\n```\n<!-- sample: whole; with: part -->\n```csharp\n_ = new "
                + "Part();\n```\n");

        var errors = SampleCompiler.Check(Sample.Of(document)[1]);

        Assert.StartsWith("docs/broken.md:3: CS0246 ", Assert.Single(errors), StringComparison.Ordinal);
    }
}
