namespace MlServe.Docs;

/// <summary>The files of the repository that are read by people.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The documents whose code and tables are checked, relative to the root, with forward slashes.</summary>
    public static IReadOnlyList<string> Documents { get; } =
    [
        "README.md",
        "ARCHITECTURE.md",
        .. Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(static path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];

    public static string PathOf(string relative) => Path.Combine(Root, relative.Replace('/', Path.DirectorySeparatorChar));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MlServe.sln"))) return folder.FullName;
        }

        throw new InvalidOperationException(
            $"There is no MlServe.sln above '{AppContext.BaseDirectory}': the documents are read from the repository.");
    }
}
