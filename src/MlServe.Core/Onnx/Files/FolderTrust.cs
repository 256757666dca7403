namespace MlServe.Onnx.Files;

/// <summary>
/// Whether nobody but the owner of this process, and the machine's administrator, can put something into a folder, or another folder into
/// its place.
/// </summary>
internal static class FolderTrust
{
    private const uint Administrator = 0;

    /// <summary>
    /// Why a folder is not trusted; null if it is. Told on Linux alone: elsewhere .NET does not say whose a folder is.
    /// </summary>
    public static string? ProblemOf(string folder)
    {
        if (FileStatus.CurrentUser is not { } user) return "whose a folder is cannot be told on this operating system";
        for (var current = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)); current is not null;
            current = Path.GetDirectoryName(current))
        {
            if (ProblemOf(current, FileKind.Folder, user) is { } problem) return problem;
        }

        return null;
    }

    /// <summary>The same for a file in a folder that is trusted.</summary>
    public static string? ProblemOfFile(string path) =>
        FileStatus.CurrentUser is { } user
            ? ProblemOf(path, FileKind.Regular, user)
            : "whose a file is cannot be told on this operating system";

    private static string? ProblemOf(string path, FileKind expected, uint user)
    {
        if (FileStatus.Of(path, followLinks: false) is not { } status) return $"'{path}' cannot be looked at";
        if (status.Kind != expected)
            return status.Kind == FileKind.Link
                ? $"'{path}' is a symbolic link"
                : $"'{path}' is no {(expected == FileKind.Folder ? "folder" : "file")}";
        if (status.Owner != user && status.Owner != Administrator)
            return FormattableString.Invariant($"'{path}' belongs to user {status.Owner}");
        return status.IsWritableByOthers ? $"'{path}' may be written by others than its owner" : null;
    }
}
