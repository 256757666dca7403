namespace MlServe.Features;

/// <summary>Paths that start at the host's content root.</summary>
internal static class ContentPath
{
    /// <summary>A whole path; a text that cannot be one is left to the validation, which names it.</summary>
    public static string? Absolute(string? path, string contentRoot) =>
        string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal) ? path : Path.GetFullPath(path, contentRoot);
}
