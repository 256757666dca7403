using System.Globalization;
using System.Text;

namespace MlServe.Onnx;

/// <summary>
/// Reads the names of classes from a text that exporters write in many ways: <c>["a", "b"]</c>, <c>{0: 'a', 1: 'b'}</c>, <c>{"0": "a"}</c>,
/// lines, or commas. Any other text gives nothing: wrong names are worse than none.
/// </summary>
internal static class LabelList
{
    /// <summary>Characters of a text that are looked at; models of 21,000 classes have some 400,000.</summary>
    public const int MaxLength = 1_048_576;

    /// <summary>More names than any classifier has.</summary>
    public const int MaxLabels = 100_000;

    public static IReadOnlyList<string> Parse(string text)
    {
        var trimmed = text.AsSpan().Trim();
        if (trimmed.IsEmpty || trimmed.Length > MaxLength) return [];
        var first = trimmed[0];
        if (first is not ('[' or '{')) return Split(trimmed);
        if (trimmed[^1] != (first == '[' ? ']' : '}')) return [];
        var tokens = Tokens(trimmed[1..^1]);
        return tokens is null ? [] : first == '[' ? List(tokens) : Dictionary(tokens);
    }

    private static string[] Split(ReadOnlySpan<char> text)
    {
        string[] labels = text.ToString().Split(text.Contains('\n') ? '\n' : ',', StringSplitOptions.TrimEntries);
        return labels.Length > MaxLabels || Array.Exists(labels, static label => label.Length == 0) ? [] : labels;
    }

    /// <summary>Names, and commas between them.</summary>
    private static List<string> List(List<Token> tokens)
    {
        var labels = new List<string>();
        for (var i = 0; i < tokens.Count; i++)
        {
            var isComma = tokens[i].Mark == ',';
            if (isComma != (i % 2 == 1)) return [];
            if (isComma) continue;
            if (tokens[i].Mark != '"') return [];
            labels.Add(tokens[i].Text);
        }

        return labels.Count > MaxLabels ? [] : labels;
    }

    /// <summary>Numbers from 0 in any order, each with a name.</summary>
    private static string[] Dictionary(List<Token> tokens)
    {
        var byIndex = new SortedDictionary<int, string>();
        for (var i = 0; i < tokens.Count; i += 4)
        {
            if (i + 2 >= tokens.Count || tokens[i + 1].Mark != ':' || tokens[i + 2].Mark != '"') return [];
            if (i + 3 < tokens.Count && tokens[i + 3].Mark != ',') return [];
            if (!int.TryParse(tokens[i].Text, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                || !byIndex.TryAdd(index, tokens[i + 2].Text))
                return [];
        }

        return byIndex.Count == 0 || byIndex.Count > MaxLabels || byIndex.Keys.Last() != byIndex.Count - 1 ? [] : [.. byIndex.Values];
    }

    /// <summary>Quoted texts, numbers, commas and colons; null if there is anything else.</summary>
    private static List<Token>? Tokens(ReadOnlySpan<char> text)
    {
        var tokens = new List<Token>();
        while (true)
        {
            text = text.TrimStart();
            if (text.IsEmpty) return tokens;
            if (text[0] is ',' or ':')
            {
                tokens.Add(new(text[0], ""));
                text = text[1..];
            }
            else if (text[0] is '"' or '\'')
            {
                if (Quoted(ref text) is not { } quoted) return null;
                tokens.Add(new('"', quoted));
            }
            else
            {
                var digits = text.IndexOfAnyExceptInRange('0', '9');
                if (digits == 0) return null;
                if (digits < 0) digits = text.Length;
                tokens.Add(new('0', text[..digits].ToString()));
                text = text[digits..];
            }
        }
    }

    private static string? Quoted(ref ReadOnlySpan<char> text)
    {
        var quote = text[0];
        var result = new StringBuilder();
        for (var i = 1; i < text.Length; i++)
        {
            if (text[i] == quote)
            {
                text = text[(i + 1)..];
                return result.ToString();
            }

            if (text[i] != '\\')
            {
                result.Append(text[i]);
                continue;
            }

            if (++i == text.Length) return null;
            if (text[i] == 'u')
            {
                if (i + 4 >= text.Length
                    || !ushort.TryParse(text.Slice(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                    return null;
                result.Append((char)code);
                i += 4;
                continue;
            }

            result.Append(text[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var other => other });
        }

        return null;
    }

    private readonly record struct Token(char Mark, string Text);
}
