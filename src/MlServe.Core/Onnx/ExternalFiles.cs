using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>Holds a model's references to other files against what is allowed: files of its own folder that exist.</summary>
internal static class ExternalFiles
{
    public static void Check(OnnxModelInfo info, ModelContent content, string model)
    {
        if (content.Folder is not { } folder)
        {
            throw new ModelLoadException(ModelLoadFailure.ExternalData,
                $"Model '{model}' keeps weights in other files, and its source '{content.Origin}' has no folder to look in. Load it from a file.");
        }

        var root = Path.GetFullPath(folder);
        foreach (var location in info.ExternalData.Select(static entry => entry.Location).Distinct(StringComparer.Ordinal))
        {
            var full = Path.GetFullPath(Path.Combine(root, location));
            if (Path.IsPathRooted(location) || !full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw new ModelLoadException(ModelLoadFailure.ExternalData,
                    $"Model '{model}' points to '{location}', outside its own folder '{root}'. Such a file is not opened; look at where the model comes from.");
            }

            if (!File.Exists(full))
            {
                throw new ModelLoadException(ModelLoadFailure.ExternalData,
                    $"Model '{model}' keeps weights in '{location}', and there is no such file in '{root}'. Copy it beside the model.");
            }
        }
    }
}
