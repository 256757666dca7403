using System.Globalization;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Model;

namespace MlServe.Quantization.Evaluation;

/// <summary>
/// A file in which nothing is INT8 is not called so. A caller who loads it by that name would take FP32 for the INT8 that was asked.
/// </summary>
internal static class HonestName
{
    private const string Claim = "int8";
    private const int MaxTries = 1000;

    /// <summary>
    /// The path that was asked for, or one that tells the format of the file. The other path is that of no existing file, or of one that
    /// was written for the same source.
    /// </summary>
    /// <param name="source">The source, which is never written over.</param>
    /// <param name="destination">The path that was asked for.</param>
    /// <param name="method">The method of the file that was written.</param>
    /// <param name="digest">That of the source.</param>
    public static string Of(string source, string destination, QuantizationMethod method, string digest)
    {
        var name = Path.GetFileName(destination);
        if (method is not (QuantizationMethod.None or QuantizationMethod.Fp16Storage)
            || !name.Contains(Claim, StringComparison.OrdinalIgnoreCase))
            return destination;
        var format = method == QuantizationMethod.None ? "fp32" : "fp16";
        for (var i = 1; i < MaxTries; i++)
        {
            var other = Path.Combine(
                Path.GetDirectoryName(destination)!,
                name.Replace(
                    Claim, i == 1 ? format : string.Create(CultureInfo.InvariantCulture, $"{format}-{i}"),
                    StringComparison.OrdinalIgnoreCase));
            if (!OnnxFile.SameFile(Path.GetFullPath(source), other) && (!Path.Exists(other) || IsOf(other, digest))) return other;
        }

        throw new QuantizationException(
            QuantizationFailure.Destination,
            $"There are too many files like '{destination}'. Give another name, without '{Claim}' in it: nothing in the file is INT8.");
    }

    /// <summary>Whether a file was written for a source.</summary>
    private static bool IsOf(string path, string digest)
    {
        try
        {
            return OnnxInspector.Inspect(File.ReadAllBytes(path)).Metadata.GetValueOrDefault(Evaluation.ModelStamp.Source) == digest;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ModelLoadException)
        {
            return false;
        }
    }
}
