using System.Globalization;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text;
using MlServe.Onnx.Files;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Profiles;

namespace MlServe.Onnx;

/// <summary>
/// Optimized models in a folder. An entry is sealed together with all that decides its contents: the model's digest, the runtime, the
/// processor and the options. So another file, or another model's entry, is not taken for it. The runtime writes to a place that nobody
/// else can reach, and the file that it wrote is inspected like any model.
/// </summary>
internal sealed class OptimizedModelCache
{
    private readonly SealedFolder _folder;
    private readonly string _name;
    private readonly string _context;
    private readonly OnnxInspectionLimits _limits;
    private readonly Action<string> _refused;

    /// <param name="digest">The model's.</param>
    /// <param name="runtimeVersion">Of the native runtime.</param>
    /// <param name="options">Name the folder, and how the model is opened.</param>
    /// <param name="refused">Told why an entry is not taken, or none can be kept.</param>
    /// <exception cref="ModelLoadException">The folder cannot be made, or the key that was named cannot be used.</exception>
    public OptimizedModelCache(string digest, string runtimeVersion, OnnxModelOptions options, Action<string> refused)
    {
        var folder = options.OptimizedModelCacheFolder!;
        _refused = refused;
        _limits = options.InspectionLimits;
        var key = KeyOf(digest, runtimeVersion, options);
        _context = $"optimized model|{key}";
        _name = $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_context)))[..40]}.onnx";
        try
        {
            _folder = new(folder, options.SealKeyFile);
        }
        catch (FileRefusedException exception)
        {
            throw new ModelLoadException(
                ModelLoadFailure.InvalidOptions, $"SealKeyFile is '{options.SealKeyFile}'. {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                $"OptimizedModelCacheFolder is '{folder}', which cannot be used: {exception.Message}", exception);
        }

        Profiles = ModelProfileStore.IsFor(options) ? new(_folder, key, options, refused) : null;
        if (_folder.Problem is { } problem) refused($"the folder '{_folder.Folder}' is not used, because {problem}.");
    }

    /// <summary>The findings of trials beside the model; null: they are made at each load.</summary>
    public ModelProfileStore? Profiles { get; }

    /// <summary>The bytes of the optimized model, or null if there is none.</summary>
    public byte[]? TryRead(CancellationToken cancellationToken)
    {
        if (_folder.Problem is not null) return null;
        var bytes = _folder.TryRead(_name, _context, Array.MaxLength, out var problem, cancellationToken);
        if (bytes is not null) problem = ProblemOf(bytes);
        if (problem is null) return bytes;
        _refused($"'{Path.Combine(_folder.Folder, _name)}': {problem}.");
        return null;
    }

    /// <summary>A file that the runtime may write its optimized model to and nobody else can; null if it is not kept.</summary>
    public PrivateFile? Prepare() => _folder.Problem is null ? PrivateFile.TryCreate("model.onnx") : null;

    /// <summary>Takes in what the runtime wrote.</summary>
    public void Keep(PrivateFile written)
    {
        try
        {
            if (!File.Exists(written.Path)) return;
            var bytes = RegularFile.Read(written.Path, Array.MaxLength, followLinks: false);
            if (ProblemOf(bytes) is null) _folder.Write(_name, _context, bytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The folder is a convenience: the next start optimizes again.
            _refused($"'{Path.Combine(_folder.Folder, _name)}' could not be written: {exception.Message}");
        }
    }

    /// <summary>Removes an entry that could not be opened.</summary>
    public void Forget() => _folder.Delete(_name);

    private string? ProblemOf(byte[] bytes)
    {
        try
        {
            return OnnxInspector.Inspect(bytes, _limits).ExternalData.Count == 0 ? null : "it keeps weights in other files";
        }
        catch (ModelLoadException exception)
        {
            return exception.Message;
        }
    }

    private static string KeyOf(string digest, string runtimeVersion, OnnxModelOptions options)
    {
        var text = new StringBuilder()
            .Append(digest).Append('|').Append(runtimeVersion).Append('|').Append(ProcessorKey()).Append('|').Append(options.Optimization);
        foreach (var provider in options.ExecutionProviders)
        {
            text.Append('|').Append(provider.Provider).Append(provider.DeviceId);
            foreach (var (key, value) in provider.Settings.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
                text.Append(';').Append(key).Append('=').Append(value);
        }

        foreach (var (name, size) in options.FreeDimensions.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"|{name}={size}");
        foreach (var (key, value) in options.SessionEntries.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
            text.Append('|').Append(key).Append('=').Append(value);
        return text.ToString();
    }

    /// <summary>The processor's kind: layouts are chosen for its vector instructions.</summary>
    private static string ProcessorKey()
    {
        if (X86Base.IsSupported)
        {
            var (signature, _, features, _) = X86Base.CpuId(1, 0);
            var (_, extended, extendedMore, _) = X86Base.CpuId(7, 0);
            return string.Create(
                CultureInfo.InvariantCulture, $"x86-{signature:x}-{features & ~(1 << 27):x}-{extended:x}-{extendedMore:x}");
        }

        return ArmBase.IsSupported ? $"arm-{Dp.IsSupported}-{AdvSimd.IsSupported}" : "other";
    }
}
