using System.Text.RegularExpressions;
using MlServe.Docs.Markdown;
using Xunit;

namespace MlServe.Docs;

public sealed partial class LinkTests
{
    public static TheoryData<string> Documents => [.. Repository.Documents, "CHANGELOG.md", "samples/assets/README.md"];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Link_WithinTheRepository_LeadsSomewhere(string name)
    {
        var document = MarkdownDocument.Load(name);
        var broken = from line in document.Prose()
                     from Match link in Link.Matches(line.Text)
                     let target = link.Groups["target"].Value
                     where !target.Contains("://", StringComparison.Ordinal) && !LeadsSomewhere(document, target)
                     select $"{name}:{line.Number}: {target}";
        Assert.True(!broken.Any(), $"These lead nowhere:\n{string.Join('\n', broken)}");
    }

    [Fact]
    public void Index_EveryPage_IsListed()
    {
        var index = File.ReadAllText(Repository.PathOf("docs/README.md"));
        Assert.All(
            Repository.Documents.Where(static name => name.StartsWith("docs/", StringComparison.Ordinal) && name != "docs/README.md"),
            name => Assert.Contains($"]({name["docs/".Length..]})", index, StringComparison.Ordinal));
    }

    private static bool LeadsSomewhere(MarkdownDocument document, string target)
    {
        var (path, heading) = target.Split('#', 2) is [var before, var after] ? (before, after) : (target, null);
        var folder = Path.GetDirectoryName(document.Name)!;
        var file = path.Length == 0
            ? document.Name
            : Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, folder, path)));
        if (heading is null) return Path.Exists(Repository.PathOf(file));
        return File.Exists(Repository.PathOf(file)) && MarkdownDocument.Load(file).Prose()
            .Any(line => line.Text.StartsWith('#') && AnchorOf(line.Text.TrimStart('#').Trim()) == heading);
    }

    /// <summary>What a heading is called in a link.</summary>
    private static string AnchorOf(string heading) => NotInAnchors.Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link { get; }

    [GeneratedRegex(@"[^\p{L}\p{N}\- _]")]
    private static partial Regex NotInAnchors { get; }
}
