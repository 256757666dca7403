using System.IO.Compression;

namespace MlServe.Samples;

/// <summary>Images of MNIST's test set.</summary>
internal static class MnistImages
{
    private const int Header = 16;

    /// <summary>The first image, a seven: 784 values from 0 to 1.</summary>
    public static float[] First { get; } = Read();

    private static float[] Read()
    {
        using var file = File.OpenRead(Path.Combine(Repository.Root, "samples", "assets", "mnist-test-images.idx3-ubyte.gz"));
        using var stream = new GZipStream(file, CompressionMode.Decompress);
        var bytes = new byte[Header + (28 * 28)];
        stream.ReadExactly(bytes);
        return [.. bytes.Skip(Header).Select(static pixel => pixel / 255f)];
    }
}
