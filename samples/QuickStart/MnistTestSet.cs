using System.Buffers.Binary;
using System.IO.Compression;

namespace MlServe.Samples.QuickStart;

/// <summary>The 10,000 test images of MNIST with their labels.</summary>
internal sealed class MnistTestSet
{
    public const int Side = 28;

    private const int ImagesHeader = 16;
    private const int LabelsHeader = 8;

    private readonly byte[] _images;
    private readonly byte[] _labels;

    private MnistTestSet(byte[] images, byte[] labels)
    {
        _images = images;
        _labels = labels;
        Count = BinaryPrimitives.ReadInt32BigEndian(images.AsSpan(4));
        if (labels.Length != LabelsHeader + Count || images.Length != ImagesHeader + (Count * Side * Side))
            throw new InvalidDataException("The MNIST files in samples/assets are damaged: check them out again.");
    }

    public int Count { get; }

    public DigitImage this[int index] => new(_images.AsMemory(ImagesHeader + (index * Side * Side), Side * Side));

    /// <summary>An image as the model takes it.</summary>
    public PredictionInputs Sample(int index) => PredictionInputs.Row([.. this[index].Pixels.ToArray().Select(static grey => grey / 255f)]);

    public static MnistTestSet Load(string folder) => new(
        Unpack(Path.Combine(folder, "mnist-test-images.idx3-ubyte.gz")),
        Unpack(Path.Combine(folder, "mnist-test-labels.idx1-ubyte.gz")));

    public int LabelOf(int index) => _labels[LabelsHeader + index];

    private static byte[] Unpack(string path)
    {
        using var file = File.OpenRead(path);
        using var gzip = new GZipStream(file, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }
}
