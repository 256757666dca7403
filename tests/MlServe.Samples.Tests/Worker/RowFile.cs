using System.Globalization;

namespace MlServe.Samples.Worker;

/// <summary>Writes CSV files whose every row is a seven.</summary>
internal static class RowFile
{
    public static void Write(string path, int rows, int badLine = 0)
    {
        var names = Enumerable.Range(0, 784).Select(static i => $"p{i}");
        var pixels = MnistImages.First.Select(static pixel =>
            ((int)MathF.Round(pixel * 255)).ToString(CultureInfo.InvariantCulture)).ToArray();
        var good = string.Join(',', pixels);
        pixels[1] = "x";
        var bad = string.Join(',', pixels);
        File.WriteAllLines(path, [string.Join(',', names), .. Enumerable.Range(2, rows).Select(line => line == badLine ? bad : good)]);
    }
}
