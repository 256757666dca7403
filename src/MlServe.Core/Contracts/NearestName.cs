namespace MlServe;

/// <summary>
/// Asks whether another name was meant, as a part of a message: a sentence with a space before it, or nothing. Looked for only when the
/// message is read: errors are many, and readers few.
/// </summary>
/// <param name="name">The name that nobody has.</param>
/// <param name="known">Those that there are.</param>
internal sealed class NearestName(string name, IEnumerable<string> known)
{
    private const int MaxLength = 64;
    private const int MaxNames = 256;

    public override string ToString() => Find() is { } nearest ? $" Did you mean '{nearest}'?" : "";

    /// <summary>The nearest of the names, if it is near: at most a third of its letters wrong.</summary>
    private string? Find()
    {
        if (name.Length > MaxLength) return null;
        var (nearest, least) = ((string?)null, int.MaxValue);
        foreach (var candidate in known.Take(MaxNames).Where(static candidate => candidate.Length <= MaxLength))
        {
            var distance = Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant());
            if (distance < least && distance <= Math.Max(1, candidate.Length / 3)) (nearest, least) = (candidate, distance);
        }

        return nearest;
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
