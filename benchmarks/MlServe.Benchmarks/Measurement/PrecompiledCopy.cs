using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;

namespace MlServe.Benchmarks.Measurement;

/// <summary>
/// This program beside the images that packages carry for the platform (<c>eng/precompile.sh</c>), in a folder of its own. So a start takes
/// what it takes a user of the packages.
/// </summary>
internal sealed class PrecompiledCopy : IDisposable
{
    private readonly string? _folder;

    private PrecompiledCopy(string? folder) => _folder = folder;

    /// <summary>Whether there are images of this build. Without them the program runs as it is, and is compiled as it runs.</summary>
    public static bool AreThere => FindImages().Length > 0;

    /// <summary>The program to start.</summary>
    public string Program => Path.Combine(_folder ?? AppContext.BaseDirectory, Path.GetFileName(typeof(PrecompiledCopy).Assembly.Location));

    /// <summary>Makes the copy, if there are images of the very build that runs now.</summary>
    public static PrecompiledCopy Make()
    {
        var images = FindImages();
        if (images.Length == 0) return new(null);
        var folder = Directory.CreateTempSubdirectory("mlserve-precompiled-").FullName;
        foreach (var path in Directory.GetFiles(AppContext.BaseDirectory))
            File.Copy(path, Path.Combine(folder, Path.GetFileName(path)));
        foreach (var path in Directory.GetDirectories(AppContext.BaseDirectory))
            Directory.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(path)), path);
        foreach (var image in images)
            File.Copy(image, Path.Combine(folder, Path.GetFileName(image)), overwrite: true);
        return new(folder);
    }

    public void Dispose()
    {
        if (_folder is not null) Directory.Delete(_folder, recursive: true);
    }

    private static string[] FindImages()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "precompiled", RuntimeInformation.RuntimeIdentifier);
            if (!Directory.Exists(candidate)) continue;
            var images = Directory.GetFiles(candidate, "MlServe.*.dll");
            return Array.TrueForAll(images, IsOfThisBuild) ? images : [];
        }

        return [];
    }

    private static bool IsOfThisBuild(string image)
    {
        var own = Path.Combine(AppContext.BaseDirectory, Path.GetFileName(image));
        return File.Exists(own) && BuildOf(own) == BuildOf(image);
    }

    private static Guid BuildOf(string path)
    {
        using var image = new PEReader(File.OpenRead(path));
        var metadata = image.GetMetadataReader();
        return metadata.GetGuid(metadata.GetModuleDefinition().Mvid);
    }
}
