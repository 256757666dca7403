using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlServe.Onnx.Files;

namespace MlServe.Onnx.Profiles;

/// <summary>
/// Profiles in the folder of optimized models, sealed like them. A seal covers all that decides a finding: the model's digest, the runtime,
/// the processor, the options, and this build of the library, whose rules may change. A profile of anything else is not found, one
/// without the right seal is not taken, and then the trials are made.
/// </summary>
internal sealed class ModelProfileStore
{
    private const int MaxBytes = 1024 * 1024;

    private readonly SealedFolder _folder;
    private readonly string _context;
    private readonly string _name;
    private readonly Action<string> _refused;

    /// <param name="folder">The folder.</param>
    /// <param name="modelKey">The model's digest, the runtime, the processor, and how the model is opened.</param>
    /// <param name="options">How the model is tried.</param>
    /// <param name="refused">Told why a profile is not taken, or none can be kept.</param>
    public ModelProfileStore(SealedFolder folder, string modelKey, OnnxModelOptions options, Action<string> refused)
    {
        _folder = folder;
        _refused = refused;
        _context = $"profile|{modelKey}|{KeyOf(options)}";
        _name = $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_context)))[..40]}.profile";
    }

    private string Path => System.IO.Path.Combine(_folder.Folder, _name);

    /// <summary>Whether trials with these options may be remembered: the user's own rows are tried at each load.</summary>
    public static bool IsFor(OnnxModelOptions options) => options is { RunAtLoad: true, WarmUpRuns: > 0, SampleInputs.Count: 0 };

    /// <summary>The profile; null if there is none that can be used.</summary>
    public ModelProfile? TryRead(CancellationToken cancellationToken)
    {
        if (_folder.Problem is not null) return null;
        var file = _folder.TryRead(_name, _context, MaxBytes, out var problem, cancellationToken);
        if (problem is not null) _refused($"'{Path}': {problem}.");
        if (file is null) return null;
        try
        {
            return JsonSerializer.Deserialize(SealedFolder.ContentOf(file), ModelProfileJson.Default.ModelProfile);
        }
        catch (JsonException exception)
        {
            _refused($"'{Path}': {exception.Message}");
            return null;
        }
    }

    public void Write(ModelProfile profile)
    {
        if (_folder.Problem is not null) return;
        try
        {
            _folder.Write(_name, _context, JsonSerializer.SerializeToUtf8Bytes(profile, ModelProfileJson.Default.ModelProfile));
        }
        catch (IOException exception)
        {
            // The folder is a convenience: the next load tries again.
            _refused($"'{Path}' could not be written: {exception.Message}");
        }
    }

    /// <summary>Removes a profile that does not hold.</summary>
    public void Forget(string reason)
    {
        _refused($"'{Path}': {reason}.");
        _folder.Delete(_name);
    }

    private static string KeyOf(OnnxModelOptions options)
    {
        var text = new StringBuilder().Append(typeof(ModelProfileStore).Module.ModuleVersionId)
            .Append(CultureInfo.InvariantCulture, $"|{options.BatchDetection}|{options.BatchAxis}|{options.BatchTolerance:R}")
            .Append(CultureInfo.InvariantCulture, $"|{options.TrialTime}|{options.MaxRequestBytes}");
        foreach (var (name, axis) in options.BatchAxes.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"|{name}={axis}");
        foreach (var (name, kinds) in options.NonFiniteInputs.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"|{name}:{kinds}");
        return text.ToString();
    }
}
