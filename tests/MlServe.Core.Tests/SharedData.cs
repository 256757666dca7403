using Xunit;

namespace MlServe;

/// <summary>
/// The folder of real models and data sets that stands beside the repository on some machines and is no part of it. A test that needs it
/// skips where it is absent.
/// </summary>
internal static class SharedData
{
    private static readonly string? Root = Find();

    /// <summary>The full path of a file in the folder; skips the running test where there is none.</summary>
    public static string PathOf(string relativePath)
    {
        if (Root is null)
            Assert.Skip("Needs the folder shared/data beside the repository, which is absent here.");
        return Path.Combine(Root, relativePath.Replace('/', Path.DirectorySeparatorChar));
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var data = Path.Combine(folder.FullName, "shared", "data");
            if (File.Exists(Path.Combine(data, "README.md")))
                return data;
        }

        return null;
    }
}
