using MlServe.Docs.Markdown;
using Xunit;

namespace MlServe.Docs;

public sealed class SampleMarkerTests
{
    [Fact]
    public void Read_EverySaying_IsKept()
    {
        var marker = SampleMarker.Read("<!-- sample: name; web; prints: digit: 7; prints: 2; with: one, two -->")!;
        Assert.Equal("name", marker.Name);
        Assert.True(marker.IsWeb);
        Assert.Equal(["digit: 7", "2"], marker.Prints);
        Assert.Equal(["one", "two"], marker.With);
        Assert.Null(marker.Skip);
    }

    [Theory]
    [InlineData("<!-- options: MlServe.Onnx.OnnxModelOptions -->")]
    [InlineData("text")]
    public void Read_OtherLine_IsNoMarker(string line) => Assert.Null(SampleMarker.Read(line));

    [Theory]
    [InlineData("<!-- sample: name; skip -->")]
    [InlineData("<!-- sample: name; skip: -->")]
    [InlineData("<!-- sample: name; runs -->")]
    [InlineData("<!-- sample: two words -->")]
    public void Read_UnknownSaying_Throws(string line) => Assert.Throws<FormatException>(() => SampleMarker.Read(line));

    [Fact]
    public void Parse_BlockWithoutEnd_Throws() =>
        Assert.Throws<FormatException>(() => MarkdownDocument.Parse("docs/broken.md", "```csharp\nvar x = 1;\n"));
}
