using System.IO.Compression;

namespace MlServe.Docs.Samples;

/// <summary>A folder for one run, which holds the models and the image under the names that the documents give them.</summary>
internal sealed class SampleFolder : IDisposable
{
    private const int ImageBytes = 28 * 28;

    private static readonly byte[] Images = Unpack("mnist-test-images.idx3-ubyte.gz");
    private static readonly byte[] Labels = Unpack("mnist-test-labels.idx1-ubyte.gz");

    public SampleFolder(int image = 0)
    {
        Path = Directory.CreateTempSubdirectory("mlserve-docs-").FullName;
        AddModel("digits.onnx", "digits.onnx");
        AddModel("digits.onnx", "models/digits.onnx");
        AddModel("digits-small.onnx", "models/digits-small.onnx");
        Pixels = Images.AsSpan(16 + (image * ImageBytes), ImageBytes).ToArray();
        Digit = Labels[8 + image];
        File.WriteAllBytes(PathOf("image.bin"), Pixels);
    }

    public string Path { get; }

    /// <summary>The image, one byte each pixel.</summary>
    public byte[] Pixels { get; }

    /// <summary>The digit that it shows.</summary>
    public int Digit { get; }

    public string PathOf(string relative) => System.IO.Path.Combine(Path, relative);

    public void AddModel(string asset, string relative)
    {
        var path = PathOf(relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.Copy(Repository.PathOf($"samples/assets/{asset}"), path, overwrite: true);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static byte[] Unpack(string asset)
    {
        using var file = File.OpenRead(Repository.PathOf($"samples/assets/{asset}"));
        using var gzip = new GZipStream(file, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }
}
