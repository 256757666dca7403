using MlServe.Docs.Language;
using Xunit;

namespace MlServe.Docs;

/// <summary>One thought a sentence, subjects that are nouns, "if" for conditions: for readers whose first language is another.</summary>
public sealed class PlainEnglishTests(ITestOutputHelper output)
{
    private const double ShortEnough = 0.95;
    private const double WheresPerThousand = 1;

    public static TheoryData<string> Documents => [.. Repository.Documents, "CONTRIBUTING.md"];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Document_EverySentence_IsPlain(string name) =>
        AssertPlain(Prose.OfDocument(name, File.ReadAllText(Repository.PathOf(name))));

    [Fact]
    public void Documents_Together_AreShortSentences() => AssertShort(Repository.Documents
        .SelectMany(static name => Prose.OfDocument(name, File.ReadAllText(Repository.PathOf(name)))), least: 1000);

    [Fact]
    public void Summaries_EverySentence_IsPlain() => AssertPlain(PublicSummaries.All());

    [Fact]
    public void Summaries_Together_AreShortSentences() => AssertShort(PublicSummaries.All(), least: 3000);

    [Theory]
    [InlineData("What nothing turns on is refused.")]
    [InlineData("The cache keeps it, whatever the model says.")]
    [InlineData("A call that says what is wrong.")]
    [InlineData("It is given to all, and who has none waits.")]
    [InlineData("a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j.")]
    public void Sentence_Riddle_IsAFault(string text) => Assert.NotEmpty(Assert.Single(Sentence.Split("here", text)).Faults());

    [Theory]
    [InlineData("What is a batch?")]
    [InlineData("Callers who wait are answered.")]
    [InlineData("The message names the input (e.g. Tensor `x`) and says what to do.")]
    public void Sentence_Plain_IsNone(string text) => Assert.Empty(Assert.Single(Sentence.Split("here", text)).Faults());

    [Fact]
    public void Prose_MarkupTablesAndCode_AreLeftOut()
    {
        const string Text = """
            # What nobody reads
            One `a b c` [link](to/what) **is** here. Two
            lines.

            | what | is |
            |---|---|
            | what is | here |

            ```
            What is code.
            ```
            - An item.
            """;

        Assert.Equal(
            ["One Code link is here.", "Two lines.", "An item."],
            Prose.OfDocument("here", Text).Select(static sentence => sentence.Text));
    }

    private static void AssertPlain(IEnumerable<Sentence> sentences)
    {
        var faults = sentences.SelectMany(static sentence => sentence.Faults().Select(fault => $"{fault} in {sentence}")).ToList();
        Assert.True(faults.Count == 0, $"{faults.Count} faults:\n{string.Join('\n', faults.Take(100))}");
    }

    private void AssertShort(IEnumerable<Sentence> all, int least)
    {
        var sentences = all.ToList();
        Assert.True(sentences.Count >= least, $"Only {sentences.Count} sentences were found: the test does not see the texts.");
        var share = sentences.Count(static sentence => sentence.Words <= Sentence.UsualWords) / (double)sentences.Count;
        var words = sentences.Sum(static sentence => sentence.Words);
        var wheres = sentences.Sum(static sentence => sentence.Wheres) * 1000.0 / words;
        output.WriteLine(
            $"{sentences.Count} sentences, {words} words: {share:P1} of {Sentence.UsualWords} words at most, {wheres:F2} \"where\" "
            + "in 1,000 words");
        Assert.True(share >= ShortEnough, $"Only {share:P1} of the sentences have {Sentence.UsualWords} words or less.");
        Assert.True(wheres <= WheresPerThousand, $"{wheres:F1} \"where\" in 1,000 words; use \"if\" for a condition.");
    }
}
