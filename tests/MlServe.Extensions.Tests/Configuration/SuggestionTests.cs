using Xunit;

namespace MlServe.Configuration;

public sealed class SuggestionTests
{
    [Theory]
    [InlineData("Pth", "Path")]
    [InlineData("path ", "Path")]
    [InlineData("IntraOpThread", "IntraOpThreads")]
    [InlineData("MaxQueueRequest", "MaxQueuedRequests")]
    [InlineData("Weights", null)]
    [InlineData("", null)]
    public void For_Word_IsTheNearestOrNone(string word, string? expected) =>
        Assert.Equal(expected, Suggestion.For(word, ["Version", "Path", "IntraOpThreads", "InterOpThreads", "MaxQueuedRequests"]));

    [Fact]
    public void For_EndlessWord_IsNotMeasured() => Assert.Null(Suggestion.For(new('a', 100_000), ["Path"]));
}
