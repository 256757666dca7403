using System.Text.RegularExpressions;

namespace MlServe.Docs.Markdown;

/// <summary>
/// What the comment before a block of code says of it: <c>&lt;!-- sample: name; run --&gt;</c>. After the name may come, parted by
/// semicolons: <c>run</c> or <c>web</c> (a program that is run; found out by itself where it makes a host), <c>prints: text</c> (what a run
/// must print; may be said again), <c>with: name, name</c> (blocks of the same document that are compiled with it, or a block of JSON that
/// is its <c>appsettings.json</c>) and <c>skip: reason</c> (neither compiled nor run).
/// </summary>
internal sealed partial record SampleMarker(string Name)
{
    public bool Runs { get; private init; }

    public bool IsWeb { get; private init; }

    public IReadOnlyList<string> Prints { get; private init; } = [];

    public IReadOnlyList<string> With { get; private init; } = [];

    public string? Skip { get; private init; }

    /// <summary>Reads a line, or returns null where it is no marker.</summary>
    /// <exception cref="FormatException">It is a marker, and says something unknown.</exception>
    public static SampleMarker? Read(string line)
    {
        if (Pattern.Match(line) is not { Success: true } match) return null;
        var parts = match.Groups["said"].Value.Split(';', StringSplitOptions.TrimEntries);
        if (parts[0].Length == 0 || parts[0].Contains(' ', StringComparison.Ordinal))
            throw new FormatException($"A sample's name is one word: '{line}'.");

        var marker = new SampleMarker(parts[0]);
        foreach (var part in parts[1..])
        {
            var (key, value) = part.Split(':', 2, StringSplitOptions.TrimEntries) is [var before, var after] ? (before, after) : (part, "");
            marker = (key, value.Length > 0) switch
            {
                ("run", false) => marker with { Runs = true },
                ("web", false) => marker with { IsWeb = true },
                ("prints", true) => marker with { Prints = [.. marker.Prints, value] },
                ("with", true) => marker with { With = value.Split(',', StringSplitOptions.TrimEntries) },
                ("skip", true) => marker with { Skip = value },
                _ =>
                    throw new FormatException(
                        $"'{part}' in '{line}' is not known: say run, web, prints: text, with: names or skip: reason."),
            };
        }

        return marker;
    }

    [GeneratedRegex(@"^\s*<!--\s*sample:\s*(?<said>.*?)\s*-->\s*$")]
    private static partial Regex Pattern { get; }
}
