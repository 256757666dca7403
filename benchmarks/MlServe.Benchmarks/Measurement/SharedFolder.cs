namespace MlServe.Benchmarks.Measurement;

/// <summary>Models of other makers, in a folder <c>shared</c> beside the repository where there is one.</summary>
internal static class SharedFolder
{
    public static string? Find(string relativePath)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "shared", relativePath);
            if (File.Exists(path)) return path;
        }

        return null;
    }
}
