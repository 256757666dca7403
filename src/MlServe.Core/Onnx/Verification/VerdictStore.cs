using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlServe.Onnx.Files;

namespace MlServe.Onnx.Verification;

/// <summary>
/// The verdicts on models, so that none is checked twice. In the process: the models that passed, and those that brought the check down by
/// themselves. In a folder, sealed: the models that passed; the rest may have had a cause that a restart removes.
/// </summary>
internal static class VerdictStore
{
    private const int MaxKept = 4096;
    private const long MaxFile = 1024 * 1024;

    private static readonly ConcurrentDictionary<string, CheckVerdict> Kept = new(StringComparer.Ordinal);

    /// <summary>A name for all that a verdict depends on.</summary>
    public static string KeyOf(string digest, CheckVersions versions, CheckRequest request)
    {
        // Where it comes from, and what it is called, changes nothing.
        var text = JsonSerializer.Serialize(request with { Name = "", Origin = "" }, CheckJson.Default.CheckRequest);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{digest}|{versions.Tool}|{versions.Runtime}|{text}")));
    }

    public static CheckVerdict? Find(string key, SealedFolder? folder)
    {
        if (Kept.TryGetValue(key, out var kept)) return kept;
        if (folder?.TryRead(FileOf(key), ContextOf(key), MaxFile, out _) is not { } file) return null;
        try
        {
            if (JsonSerializer.Deserialize(SealedFolder.ContentOf(file), CheckJson.Default.CheckVerdict) is not { Failure: null } verdict)
                return null;
            Remember(key, verdict);
            return verdict;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static void Keep(string key, CheckVerdict verdict, SealedFolder? folder)
    {
        Remember(key, verdict);
        if (verdict.Failure is not null || folder is not { Problem: null }) return;
        try
        {
            folder.Write(FileOf(key), ContextOf(key), JsonSerializer.SerializeToUtf8Bytes(verdict, CheckJson.Default.CheckVerdict));
        }
        catch (IOException)
        {
            // The folder is a convenience: the next start checks again.
        }
    }

    /// <summary>Forgets what the process knows.</summary>
    internal static void Clear() => Kept.Clear();

    private static void Remember(string key, CheckVerdict verdict)
    {
        if (Kept.Count >= MaxKept) Kept.Clear();
        Kept[key] = verdict;
    }

    private static string FileOf(string key) => $"{key[..40]}.verdict";

    private static string ContextOf(string key) => $"verdict|{key}";
}
