using Xunit;

namespace MlServe.Quantization;

/// <summary>
/// The folder of real models and data sets that stands beside the repository on some machines and is no part of it. A test that needs it
/// skips where it is absent.
/// </summary>
internal static class SharedData
{
    public static readonly string? Root = Find();

    /// <summary>The full path of a file in the folder; skips the running test where there is none.</summary>
    public static string PathOf(string relativePath)
    {
        if (Root is null) Assert.Skip("Needs the folder shared/data beside the repository, which is absent here.");
        return Path.Combine(Root, relativePath.Replace('/', Path.DirectorySeparatorChar));
    }

    /// <summary>All whole models of the folder, by path from it.</summary>
    public static IEnumerable<string> Models() => Root is null
        ? []
        : Directory.EnumerateFiles(Path.Combine(Root, "models"), "*.onnx", SearchOption.AllDirectories)
            .Select(static path => Path.GetRelativePath(Root!, path).Replace('\\', '/')).Order(StringComparer.Ordinal);

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var data = Path.Combine(folder.FullName, "shared", "data");
            if (File.Exists(Path.Combine(data, "README.md"))) return data;
        }

        return null;
    }
}
