using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace MlServe.Configuration;

/// <summary>
/// Puts together the parts of configuration that could not be read and the faults of values. Faults that only follow from others are left
/// out.
/// </summary>
internal static partial class Faults
{
    /// <param name="unread">The parts that could not be read: one message each, which begins with the full key.</param>
    /// <param name="invalid">The faults of the values, likewise.</param>
    public static IEnumerable<string> Together(IReadOnlyList<string> unread, IEnumerable<string> invalid) =>
        unread.Concat(invalid.Where(message => !unread.Any(cause => Follows(message, cause))));

    /// <summary>
    /// Whether a value may be as it is only because another one could not be read. It is in that one, or holds it; it is missing beside a
    /// key that is not known; or its message names the other one.
    /// </summary>
    private static bool Follows(string message, string cause)
    {
        var (key, causeKey) = (KeyOf(message), KeyOf(cause));
        if (key.Equals(causeKey, StringComparison.OrdinalIgnoreCase) || IsBelow(causeKey, key) || IsBelow(key, causeKey)) return true;
        if (ConfigurationPath.GetParentPath(key) is not { } parent || !IsBelow(causeKey, parent)) return false;

        // What stands beside the value, or holds the cause.
        var beside = causeKey[(parent.Length + 1)..].Split(ConfigurationPath.KeyDelimiter);
        var text = message[key.Length..];
        if (beside.Length == 1 && (text.StartsWith(" is missing", StringComparison.Ordinal) || Names(text, Suggested(cause)))) return true;
        return Names(text, beside[0]);
    }

    private static bool Names(string message, string? option) =>
        !string.IsNullOrEmpty(option)
        && Regex.IsMatch(message, $@"\b{Regex.Escape(option)}\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private static string? Suggested(string cause) => DidYouMean().Match(cause) is { Success: true } match ? match.Groups[1].Value : null;

    private static bool IsBelow(string key, string above) =>
        key.StartsWith(above + ConfigurationPath.KeyDelimiter, StringComparison.OrdinalIgnoreCase);

    private static string KeyOf(string message) =>
        message.IndexOf(' ', StringComparison.Ordinal) is > 0 and var end ? message[..end].TrimEnd(':') : message;

    [GeneratedRegex(@"Did you mean '([^']+)'\?")]
    private static partial Regex DidYouMean();
}
