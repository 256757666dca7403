using System.IO.Compression;

namespace MlServe.Quantization.Preprocessing;

/// <summary>The ONNX project's own cases, from the folder of shared material.</summary>
internal static class ConformanceModels
{
    /// <param name="Name">Suite and case.</param>
    /// <param name="Model">The bytes of the model.</param>
    /// <param name="Inputs">Its inputs in the order of the graph's; null where they follow a rule.</param>
    /// <param name="Outputs">What is expected.</param>
    internal sealed record Case(string Name, byte[] Model, IReadOnlyList<byte[]>? Inputs, IReadOnlyList<byte[]> Outputs);

    public static IEnumerable<Case> All()
    {
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        foreach (var entry in zip.Entries)
        {
            if (entry.FullName.StartsWith("light/", StringComparison.Ordinal) && entry.FullName.EndsWith(".onnx", StringComparison.Ordinal))
                yield return new(entry.FullName, Read(entry), null, []);
            else if (entry.Name == "model.onnx")
                yield return new(
                    entry.FullName[..^"/model.onnx".Length], Read(entry),
                    Series(zip, entry.FullName.Replace("model.onnx", "test_data_set_0/input_", StringComparison.Ordinal)),
                    Series(zip, entry.FullName.Replace("model.onnx", "test_data_set_0/output_", StringComparison.Ordinal)));
        }
    }

    private static List<byte[]> Series(ZipArchive zip, string prefix)
    {
        var files = new List<byte[]>();
        while (zip.GetEntry($"{prefix}{files.Count}.pb") is { } entry)
            files.Add(Read(entry));
        return files;
    }

    private static byte[] Read(ZipArchiveEntry entry)
    {
        var content = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(content);
        return content;
    }
}
