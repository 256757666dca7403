using System.IO.Compression;
using System.Security.Cryptography;
using MlServe.Samples.Training.Mnist;

namespace MlServe.Samples.Training;

/// <summary>The folder that the results go to; a file in it is the old one or the new one, never half of it.</summary>
internal sealed class AssetFolder(string path)
{
    public void Write(string name, byte[] content)
    {
        var file = Path.Combine(path, name);
        File.WriteAllBytes($"{file}.tmp", content);
        File.Move($"{file}.tmp", file, overwrite: true);
        Console.WriteLine($"{Convert.ToHexStringLower(SHA256.HashData(content))}  {name} ({content.Length:N0} bytes)");
    }

    public void WriteTestSet(MnistSet test)
    {
        Write("mnist-test-images.idx3-ubyte.gz", Compress(test.ImagesFile));
        Write("mnist-test-labels.idx1-ubyte.gz", Compress(test.LabelsFile));
    }

    private static byte[] Compress(byte[] content)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
            gzip.Write(content);
        return compressed.ToArray();
    }
}
