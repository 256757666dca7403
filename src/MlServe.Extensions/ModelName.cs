namespace MlServe;

/// <summary>The rule for names of models and versions, which become metric tags, folder names and parts of configuration keys.</summary>
internal static class ModelName
{
    private const int MaxLength = 64;

    /// <summary>Names are compared as configuration keys are.</summary>
    public static StringComparer Comparer => StringComparer.OrdinalIgnoreCase;

    /// <summary>Says what a name must be, or null if it is valid.</summary>
    public static string? ProblemOf(string? name)
    {
        var isGood = name is { Length: > 0 and <= MaxLength } and not ("." or "..")
            && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return isGood ? null : "it must be 1 to 64 letters (a to z), digits, '-', '_' and '.', and not '.' or '..'.";
    }
}
