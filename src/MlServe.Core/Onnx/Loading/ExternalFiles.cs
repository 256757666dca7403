using System.Globalization;
using MlServe.Onnx.Files;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>Holds a model's references to other files against the allowed ones: files of its own folder that exist.</summary>
internal static class ExternalFiles
{
    public static void Check(OnnxModelInfo info, ModelContent content, string model)
    {
        if (content.Folder is not { } folder)
        {
            throw new ModelLoadException(ModelLoadFailure.ExternalData,
                $"Model '{model}' keeps weights in other files, and its source '{content.Origin}' has no folder to look in. "
                    + "Load it from a file.");
        }

        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        foreach (var location in info.ExternalData.Select(static entry => entry.Location).Distinct(StringComparer.Ordinal))
        {
            if (IsOutside(root, location))
            {
                throw new ModelLoadException(ModelLoadFailure.ExternalData,
                    $"Model '{model}' points to '{location}', outside its own folder '{root}'. Such a file is not opened; look at where "
                        + "the model comes from.");
            }

            if (!File.Exists(Path.Combine(root, location)))
            {
                throw new ModelLoadException(ModelLoadFailure.ExternalData,
                    $"Model '{model}' keeps weights in '{location}', and there is no such file in '{root}'. Copy it beside the model.");
            }

            // The runtime would wait for a pipe, and read a device for ever.
            if (FileStatus.Of(Path.Combine(root, location)) is { Kind: not FileKind.Regular and var kind })
            {
                throw new ModelLoadException(ModelLoadFailure.ExternalData,
                    $"Model '{model}' keeps weights in '{location}', which is a {kind.ToString().ToLowerInvariant()} and no file. Such a "
                        + "thing is not opened; look at where the model comes from.");
            }
        }

        foreach (var entry in info.ExternalData)
        {
            var length = new FileInfo(Path.Combine(root, entry.Location)).Length;
            if (entry.Offset > length || (entry.Length ?? 0) > length - entry.Offset)
            {
                throw new ModelLoadException(ModelLoadFailure.ExternalData, string.Create(
                    CultureInfo.InvariantCulture,
                    $"Model '{model}' says that '{entry.TensorName}' lies in '{entry.Location}' from byte {entry.Offset} on, "
                    + $"{entry.Length ?? 0} bytes long, and the file has {length} bytes. Copy it again."));
            }
        }
    }

    /// <summary>Whether a location leads out of the folder: by its text, or by a symbolic link on the way.</summary>
    private static bool IsOutside(string root, string location)
    {
        if (location.Length == 0 || location.Contains('\0', StringComparison.Ordinal) || Path.IsPathRooted(location)) return true;
        var path = Path.GetFullPath(Path.Combine(root, location));
        if (!IsWithin(root, path)) return true;

        var realRoot = Resolve(root);
        return realRoot is null || Resolve(path) is not { } real || !IsWithin(realRoot, real);
    }

    private static bool IsWithin(string root, string path) =>
        path.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The path without symbolic links; null if they turn in a circle.</summary>
    private static string? Resolve(string path)
    {
        const int MaxLinks = 64;
        var links = 0;
        var top = Path.GetPathRoot(path)!;
        var real = top;
        var rest = new Stack<string>(path[top.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)
            .Reverse());
        while (rest.TryPop(out var part))
        {
            real = Path.Combine(real, part);
            if (new FileInfo(real).LinkTarget is not { } target) continue;
            if (++links > MaxLinks) return null;

            // Where the link points may itself lead over links: begin again from the top.
            var full = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(real)!, target));
            real = Path.GetPathRoot(full)!;
            foreach (var next in full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
                rest.Push(next);
        }

        return real;
    }
}
