using System.Text.RegularExpressions;
using Xunit;

namespace MlServe.Docs;

/// <summary>The page that compares MlServe with others neither claims what the packages lack nor denies what they have.</summary>
public sealed partial class ComparisonTests
{
    /// <summary>By which names the public API would show each feature that the page says is missing.</summary>
    private static readonly Dictionary<string, string> Missing = new(StringComparer.Ordinal)
    {
        ["canary"] = "Canary|Rollout",
        ["A/B tests"] = "AbTest|Experiment(?!Key)",
        ["shadow"] = "Shadow",
        ["drift detection"] = "Drift",
        ["error budgets"] = "ErrorBudget|BurnRate",
        ["cost per prediction"] = "PredictionCost|CostPerPrediction",
        ["authorization"] = "Authoriz",
        ["rate limiting"] = "RateLimiter|UseRateLimit|Quota",
        ["signed models"] = "SignedModel|SignatureVerif|TrustedKey",
    };

    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs/comparison.md")).ReplaceLineEndings("\n");

    private static readonly string PublicApi = string.Join('\n', Directory
        .EnumerateFiles(Repository.PathOf("src"), "PublicAPI.Unshipped.txt", SearchOption.AllDirectories)
        .Concat(Directory.EnumerateFiles(Repository.PathOf("src"), "PublicAPI.Shipped.txt", SearchOption.AllDirectories))
        .Select(File.ReadAllText));

    public static TheoryData<string> Named =>
        [.. Section("What MlServe has").Split('\n').Where(static line => line.StartsWith('|'))
            .SelectMany(static line => Code.Matches(line).Select(static match => match.Groups["code"].Value))];

    public static TheoryData<string> Denied => [.. NotYet()];

    [Theory]
    [MemberData(nameof(Named))]
    public void Has_EveryNameInTheTable_IsPublic(string name) => Assert.Matches($@"\b{Regex.Escape(name)}\b", PublicApi);

    [Theory]
    [MemberData(nameof(Denied))]
    public void HasNot_EveryFeatureInTheList_IsNotInThePublicApi(string feature)
    {
        Assert.True(
            Missing.TryGetValue(feature, out var names), $"The test does not know by which names '{feature}' would be public: add it.");
        Assert.DoesNotMatch(names, PublicApi);
    }

    [Fact]
    public void HasNot_EveryFeatureThatIsMissing_IsInTheList() => Assert.Equal(
        Missing.Where(static feature => !Regex.IsMatch(PublicApi, feature.Value)).Select(static feature => feature.Key).Order(),
        NotYet().Order());

    private static string[] NotYet()
    {
        var text = Section("What MlServe does not have");
        var start = text.IndexOf("Not yet:", StringComparison.Ordinal) + "Not yet:".Length;
        return text[start..text.IndexOf('.', start)].Replace('\n', ' ').Split(',', StringSplitOptions.TrimEntries);
    }

    private static string Section(string heading)
    {
        var start = Page.IndexOf($"## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"docs/comparison.md has no section '{heading}'.");
        return Page[start..Page.IndexOf("\n## ", start + 3, StringComparison.Ordinal)];
    }

    [GeneratedRegex("`(?<code>[^`]+)`")]
    private static partial Regex Code { get; }
}
