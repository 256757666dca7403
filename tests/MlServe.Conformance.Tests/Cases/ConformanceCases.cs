using System.IO.Compression;

namespace MlServe.Cases;

/// <summary>The ONNX project's backend tests, and what the runtime's own C# API makes of them.</summary>
internal static class ConformanceCases
{
    /// <summary>Reads a suite, case after case.</summary>
    public static IEnumerable<ConformanceCase> Read(string suite)
    {
        var results = ReadTable(File.ReadAllText(SharedData.PathOf("oracles/onnx-node-open-ort1311.tsv")));
        using var zip = ZipFile.OpenRead(SharedData.PathOf("onnx-node-open.zip"));
        foreach (var row in results.Where(row => row[0] == suite))
        {
            var name = row[1];
            yield return suite == "light"
                ? new(suite, name, row[2], ReadEntry(zip, $"light/{name}.onnx")!, [], [ReadEntry(zip, $"light/{name}_output_0.pb")!])
                : new(suite, name, row[2], ReadEntry(zip, $"{suite}/{name}/model.onnx")!,
                    ReadSeries(zip, $"{suite}/{name}/test_data_set_0/input"), ReadSeries(zip, $"{suite}/{name}/test_data_set_0/output"));
        }
    }

    /// <summary>Cases that are known to come out otherwise than through the runtime's own API, and why.</summary>
    public static IReadOnlyDictionary<string, string> ReadExceptions()
    {
        using var reader = new StreamReader(typeof(ConformanceCases).Assembly.GetManifestResourceStream("Exceptions.tsv")!);
        return ReadTable(reader.ReadToEnd()).ToDictionary(static row => $"{row[0]}/{row[1]}", static row => row[2]);
    }

    private static IEnumerable<string[]> ReadTable(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(static line => line.TrimEnd('\r').Split('\t'));

    private static List<byte[]> ReadSeries(ZipArchive zip, string prefix)
    {
        var files = new List<byte[]>();
        while (ReadEntry(zip, $"{prefix}_{files.Count}.pb") is { } file)
            files.Add(file);
        return files;
    }

    private static byte[]? ReadEntry(ZipArchive zip, string path)
    {
        if (zip.GetEntry(path) is not { } entry) return null;
        var content = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(content);
        return content;
    }
}
