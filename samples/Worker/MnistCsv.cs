using System.Globalization;
using System.IO.Compression;

namespace MlServe.Samples.Worker;

/// <summary>MNIST's 10,000 test images as a CSV file: a file to score where none is given.</summary>
internal static class MnistCsv
{
    private const int ImagesHeader = 16;
    private const int LabelsHeader = 8;

    public static string DefaultPath => Path.Combine(Path.GetTempPath(), "mlserve-mnist.csv");

    /// <summary>Writes the file unless it is there.</summary>
    public static void Export(string assets, string path)
    {
        if (File.Exists(path)) return;
        using var images = Open(Path.Combine(assets, "mnist-test-images.idx3-ubyte.gz"), ImagesHeader);
        using var labels = Open(Path.Combine(assets, "mnist-test-labels.idx1-ubyte.gz"), LabelsHeader);

        // Under another name until it is whole.
        var unfinished = $"{path}.{Environment.ProcessId}";
        using (var writer = new StreamWriter(unfinished))
        {
            writer.Write("label");
            for (var i = 0; i < RowBatch.Pixels; i++)
                writer.Write(string.Create(CultureInfo.InvariantCulture, $",pixel{i}"));
            writer.WriteLine();

            var pixels = new byte[RowBatch.Pixels];
            for (int label; (label = labels.ReadByte()) >= 0;)
            {
                images.ReadExactly(pixels);
                writer.Write(label);
                foreach (var pixel in pixels)
                {
                    writer.Write(',');
                    writer.Write(pixel);
                }

                writer.WriteLine();
            }
        }

        File.Move(unfinished, path, overwrite: true);
    }

    private static BufferedStream Open(string path, int header)
    {
        var stream = new BufferedStream(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        stream.ReadExactly(new byte[header]);
        return stream;
    }
}
