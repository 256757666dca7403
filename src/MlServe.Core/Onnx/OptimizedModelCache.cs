using System.Globalization;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>
/// Optimized models in a folder, under a name made of all that decides what is in them: the model's digest, the runtime, the processor and the
/// options. Written beside and moved into place, so that two processes do not disturb each other.
/// </summary>
internal sealed class OptimizedModelCache
{
    private readonly string _path;

    public OptimizedModelCache(string folder, string digest, string runtimeVersion, OnnxModelOptions options)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelLoadException(ModelLoadFailure.InvalidOptions,
                $"OptimizedModelCacheFolder is '{folder}', which cannot be created: {exception.Message}", exception);
        }

        _path = Path.Combine(folder, $"{KeyOf(digest, runtimeVersion, options)}.onnx");
    }

    /// <summary>The bytes of the optimized model, or null where there is none.</summary>
    public async ValueTask<byte[]?> TryReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllBytesAsync(_path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            return null;
        }
    }

    /// <summary>Tells a session that is about to be made to write its optimized model.</summary>
    /// <returns>The path that it writes to, for <see cref="Keep"/>.</returns>
    public string WriteWith(SessionOptions session)
    {
        var temporary = $"{_path}.{Guid.NewGuid():N}.tmp";
        session.OptimizedModelFilePath = temporary;
        return temporary;
    }

    public void Keep(string temporary)
    {
        try
        {
            if (File.Exists(temporary)) File.Move(temporary, _path, overwrite: true);
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            // The folder is a convenience: the next start optimizes again.
            Remove(temporary);
        }
    }

    /// <summary>Removes an entry that could not be opened.</summary>
    public void Forget() => Remove(_path);

    /// <summary>Removes what a session wrote that did not open in the end.</summary>
    public static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            // Another process may be reading it; it will be overwritten.
        }
    }

    private static bool IsOfFile(Exception exception) => exception is IOException or UnauthorizedAccessException;

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
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..40];
    }

    /// <summary>The processor's kind: layouts are chosen for its vector instructions.</summary>
    private static string ProcessorKey()
    {
        if (X86Base.IsSupported)
        {
            var (signature, _, features, _) = X86Base.CpuId(1, 0);
            var (_, extended, extendedMore, _) = X86Base.CpuId(7, 0);
            return string.Create(CultureInfo.InvariantCulture, $"x86-{signature:x}-{features & ~(1 << 27):x}-{extended:x}-{extendedMore:x}");
        }

        return ArmBase.IsSupported ? $"arm-{Dp.IsSupported}-{AdvSimd.IsSupported}" : "other";
    }
}
