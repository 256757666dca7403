using System.Text.RegularExpressions;

namespace MlServe.Docs.Language;

/// <summary>A sentence of a document, without its markup, and what is wrong with it.</summary>
/// <param name="Source">The document or member.</param>
/// <param name="Text">The sentence; code stands in it as one word.</param>
internal sealed partial record Sentence(string Source, string Text)
{
    public const int UsualWords = 25;
    public const int MaxWords = 35;

    public int Words { get; } = Word.Count(Text);

    /// <summary>How often it says "where": almost always a condition, for which there is "if".</summary>
    public int Wheres { get; } = Where.Count(Text);

    /// <summary>The faults that no sentence may have.</summary>
    public IEnumerable<string> Faults()
    {
        if (Words > MaxWords) yield return $"{Words} words";
        if (Ever.Match(Text) is { Success: true } ever) yield return $"\"{ever.Value}\"";
        if (!Text.EndsWith('?') && Headless.Match(Text) is { Success: true } clause)
            yield return $"a clause whose subject has no noun: \"{clause.Value.Trim()}\"";
    }

    public static IEnumerable<Sentence> Split(string source, string text)
    {
        var start = 0;
        foreach (Match end in End.Matches(text))
        {
            if (Abbreviation.IsMatch(text.AsSpan(start, end.Index - start))) continue;
            yield return new(source, text[start..end.Index].Trim());
            start = end.Index + end.Length;
        }

        if (text[start..].Trim() is { Length: > 0 } last) yield return new(source, last);
    }

    public override string ToString() => $"{Source}: {Text}";

    [GeneratedRegex("""(?<=[.!?]["')*]?)\s+(?=["'(]?[A-Z0-9])""")]
    private static partial Regex End { get; }

    [GeneratedRegex(@"\b(?:e\.g|i\.e|vs|etc|approx)\.$", RegexOptions.IgnoreCase)]
    private static partial Regex Abbreviation { get; }

    [GeneratedRegex(@"[A-Za-z0-9][\w.,'/%×-]*")]
    private static partial Regex Word { get; }

    [GeneratedRegex(@"\bwhere\b", RegexOptions.IgnoreCase)]
    private static partial Regex Where { get; }

    [GeneratedRegex(@"\b(?:whoever|whatever|wherever)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Ever { get; }

    /// <summary>"What keeps deadlines is told the time", "who has none waits": clauses whose subject is no noun.</summary>
    [GeneratedRegex(
        @"^(?:What|Who)\b(?! if\b)|[,;:(] what\b|[;:(] who\b"
        + @"|\bwhat (?:is|are|was|were|has|have|had|does|did|can|cannot|could|may|might|must|will|would|should|comes|goes|stands|stays"
        + "|keeps|gives|takes|needs|follows|happens|remains|runs|waits|calls|asks|makes|holds|reads|uses|fails|belongs|leads|lies|lets"
        + @"|says|costs|changes|depends|decides|counts|throws)\b"
        + @"|\b(?:and|or|but|that|if|when|than|of|to|by|for|with|from|on|in|at|as|beside) who (?:is|are|was|has|have|does|did|can|may|must"
        + @"|asks|waits|calls|comes|keeps|gives|takes|needs|reads|uses)\b")]
    private static partial Regex Headless { get; }
}
