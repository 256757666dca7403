using System.Security.Cryptography;
using System.Text.Json;
using MlServe.Quantization.Model;

namespace MlServe.Quantization.Serving;

/// <summary>
/// Keeps quantized models in a folder. There is a file for the model, named by its content, and one that names it, which is moved into
/// place last. So any number of processes may write and read at once.
/// </summary>
internal sealed class QuantizationCache(string folder, string key)
{
    private const int ShortDigest = 16;

    public string Folder => folder;

    public string EntryFile => Path.Combine(folder, $"{key}.json");

    /// <summary>The folder that is used if none is given.</summary>
    public static string DefaultFolder()
    {
        var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return Path.Combine(data.Length > 0 ? data : Path.GetTempPath(), "MlServe", "quantized");
    }

    /// <summary>Makes the folder.</summary>
    /// <returns>Why it cannot be used; null if it can.</returns>
    public static string? Prepare(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var trial = Path.Combine(folder, $"{Guid.NewGuid():N}.tmp");
            File.WriteAllBytes(trial, []);
            File.Delete(trial);
            return null;
        }
        catch (Exception exception) when (IsOfFile(exception) || exception is ArgumentException or NotSupportedException)
        {
            return exception.Message;
        }
    }

    /// <summary>Finds the entry and its model.</summary>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public async Task<(CacheEntry Entry, byte[]? Model)?> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!File.Exists(EntryFile)) return null;
            var entry = JsonSerializer.Deserialize(
                await File.ReadAllBytesAsync(EntryFile, cancellationToken).ConfigureAwait(false), CacheJson.Default.CacheEntry)
                ?? throw new InvalidDataException();
            if (entry.Model is null) return entry.Reason is null ? throw new InvalidDataException() : (entry, null);
            if (Path.GetFileName(entry.Model) != entry.Model || entry.Report is null) throw new InvalidDataException();
            var model = await File.ReadAllBytesAsync(Path.Combine(folder, entry.Model), cancellationToken).ConfigureAwait(false);
            return Digest(model) == entry.Digest ? (entry, model) : throw new InvalidDataException();
        }
        catch (Exception exception) when (IsOfFile(exception) || exception is JsonException)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    /// <summary>Keeps an entry and its model.</summary>
    /// <returns>The entry, which names the model's file.</returns>
    /// <exception cref="QuantizationException">The folder takes no more.</exception>
    public async Task<CacheEntry> KeepAsync(CacheEntry entry, byte[]? model, CancellationToken cancellationToken)
    {
        if (model is not null)
        {
            var digest = Digest(model);
            var file = $"{key}-{digest[..ShortDigest]}.onnx";
            entry = entry with { Model = file, Digest = digest, Report = entry.Report! with { Destination = Path.Combine(folder, file) } };
            await OnnxFile.WriteAsync(entry.Report.Destination, model, cancellationToken).ConfigureAwait(false);
        }

        await OnnxFile.WriteAsync(
            EntryFile, JsonSerializer.SerializeToUtf8Bytes(entry, CacheJson.Default.CacheEntry), cancellationToken).ConfigureAwait(false);
        return entry;
    }

    /// <summary>Removes an entry that is damaged; its models are overwritten if they come out the same again.</summary>
    public void Forget()
    {
        try
        {
            File.Delete(EntryFile);
            foreach (var file in Directory.EnumerateFiles(folder, $"{key}-*.onnx"))
                File.Delete(file);
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            // Another process reads it; what is made anew takes its place.
        }
    }

    private static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static bool IsOfFile(Exception exception) => exception is IOException or UnauthorizedAccessException;
}
