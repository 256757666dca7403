namespace MlServe.Samples.Training.Mnist;

/// <summary>Images as bytes, 28 x 28 each, and the digit that each shows, beside the two files they came from.</summary>
internal sealed class MnistSet
{
    public const int PixelsPerImage = 28 * 28;

    private readonly ReadOnlyMemory<byte> _pixels;
    private readonly ReadOnlyMemory<byte> _labels;

    public MnistSet(byte[] imagesFile, byte[] labelsFile, int count)
    {
        ImagesFile = imagesFile;
        LabelsFile = labelsFile;
        Count = count;
        _pixels = IdxFile.Elements(imagesFile, "the file of images", count, 28, 28);
        _labels = IdxFile.Elements(labelsFile, "the file of labels", count);
    }

    public byte[] ImagesFile { get; }

    public byte[] LabelsFile { get; }

    public int Count { get; }

    /// <summary>The models' input: each pixel from 0 to 1, images one after the other.</summary>
    public float[] Pixels() => Array.ConvertAll(_pixels.ToArray(), static pixel => pixel / 255f);

    public long[] Labels() => Array.ConvertAll(_labels.ToArray(), static label => (long)label);
}
