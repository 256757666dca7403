namespace MlServe.Models;

/// <summary>
/// What Magika's model is given of a file: its first and its last 1,024 bytes without the blanks around, padded, as its own code does it.
/// </summary>
internal static class MagikaFeatures
{
    private const int Size = 1024;
    private const int BlockSize = 4096;
    private const int Padding = 256;

    public static int[] Of(ReadOnlySpan<byte> content)
    {
        var features = new int[2 * Size];
        features.AsSpan().Fill(Padding);

        var blanks = " \t\n\r\v\f"u8;
        var begin = content[..Math.Min(BlockSize, content.Length)].TrimStart(blanks);
        for (var i = 0; i < Math.Min(Size, begin.Length); i++)
            features[i] = begin[i];

        var end = content[^Math.Min(BlockSize, content.Length)..].TrimEnd(blanks);
        for (var i = 1; i <= Math.Min(Size, end.Length); i++)
            features[^i] = end[^i];
        return features;
    }
}
