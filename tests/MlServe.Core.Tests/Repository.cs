namespace MlServe;

/// <summary>The sources beside the tests.</summary>
internal static class Repository
{
    /// <summary>The folder of the solution; the test is skipped where the tests stand alone.</summary>
    public static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MlServe.sln"))) return folder.FullName;
        }

        Assert.Skip("Needs the sources beside the tests.");
        return "";
    }

    /// <summary>The files below a folder of the repository, without what builds put there; paths with slashes, from that folder.</summary>
    public static List<(string Path, string Text)> Files(string folder, string pattern)
    {
        var root = Path.Combine(Root(), folder);
        return [.. Directory.GetFiles(root, pattern, SearchOption.AllDirectories)
            .Select(file => (Path: Path.GetRelativePath(root, file).Replace('\\', '/'), File: file))
            .Where(static file => !file.Path.Split('/').Any(static part => part is "bin" or "obj" or "artifacts"))
            .OrderBy(static file => file.Path, StringComparer.Ordinal)
            .Select(static file => (file.Path, File.ReadAllText(file.File)))];
    }
}
