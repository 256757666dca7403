using System.IO.Compression;
using MlServe.TestModels;

namespace MlServe.Attack.Mutations;

/// <summary>
/// Valid models to begin with: those of the tests, ONNX's own cases and real models where they lie beside the repository, and those of a
/// folder of further cases.
/// </summary>
internal static class Corpus
{
    private const int MaxBytes = 300_000;

    public static IReadOnlyList<byte[]> Load(string? cases)
    {
        var models = new List<byte[]>(OperatorModels.All.OrderBy(static model => model.Key, StringComparer.Ordinal)
            .Select(static model => model.Value))
        {
            OnnxModel.Mlp(1, 4, 16, 3),
            HostileModels.EndlessLoop(),
        };
        if (SharedFolder() is { } shared)
        {
            models.AddRange(FilesOf(Path.Combine(shared, "models")));
            models.AddRange(FilesOf(Path.Combine(shared, "regressions")));
            var zip = Path.Combine(shared, "onnx-node-open.zip");
            if (File.Exists(zip)) models.AddRange(EntriesOf(zip));
        }

        if (cases is not null) models.AddRange(FilesOf(cases));
        return models;
    }

    /// <summary>The models of a folder and of those in it; none of large ones, which would only be slow.</summary>
    public static IEnumerable<byte[]> FilesOf(string folder) =>
        !Directory.Exists(folder) ? [] : Directory.EnumerateFiles(folder, "*.onnx", SearchOption.AllDirectories)
            .Where(static file => new FileInfo(file).Length is > 0 and <= MaxBytes).Order(StringComparer.Ordinal).Select(File.ReadAllBytes);

    private static List<byte[]> EntriesOf(string path)
    {
        var models = new List<byte[]>();
        using var zip = ZipFile.OpenRead(path);
        foreach (var entry in zip.Entries.Where(static entry => entry.FullName.EndsWith(".onnx", StringComparison.Ordinal)
            && entry.Length is > 0 and <= MaxBytes))
        {
            using var stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            models.Add(content.ToArray());
        }

        return models;
    }

    private static string? SharedFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var data = Path.Combine(folder.FullName, "shared", "data");
            if (File.Exists(Path.Combine(data, "README.md"))) return data;
        }

        return null;
    }
}
