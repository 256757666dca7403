namespace MlServe.Configuration;

/// <summary>Finds the word that a typing error was meant to be.</summary>
internal static class Suggestion
{
    private const int MaxLength = 64;

    /// <summary>Asks whether the nearest of the known words was meant: a sentence with a space before it, or nothing.</summary>
    public static string Of(string word, IEnumerable<string> known) => For(word, known) is { } name ? $" Did you mean '{name}'?" : "";

    /// <summary>The nearest of the known words, if one is near: at most a third of its letters wrong.</summary>
    public static string? For(string word, IEnumerable<string> known)
    {
        if (word.Length > MaxLength) return null;
        return known
            .Select(candidate => (Candidate: candidate, Distance: Distance(word.ToUpperInvariant(), candidate.ToUpperInvariant())))
            .Where(static near => near.Distance <= Math.Max(1, near.Candidate.Length / 3))
            .OrderBy(static near => near.Distance)
            .Select(static near => near.Candidate)
            .FirstOrDefault();
    }

    /// <summary>Letters to insert, remove or replace to make one word the other (Levenshtein), row by row.</summary>
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
