namespace MlServe.Cli.Output;

/// <summary>Writes the files beside a model: whole, or not at all.</summary>
internal static class TextFile
{
    /// <summary>Refuses a path that cannot be written to, before long work is done for it.</summary>
    public static void Check(FileInfo? file)
    {
        if (file is null) return;
        if (Directory.Exists(file.FullName)) throw new CliException($"'{file.FullName}' is a folder. Give the path of a file.");
        if (file.Directory is { Exists: false } folder)
            throw new CliException($"There is no folder '{folder.FullName}' to write to. Create it first.");
    }

    public static async Task WriteAsync(FileInfo file, ReadOnlyMemory<byte> bytes)
    {
        var temporary = $"{file.FullName}.{Guid.NewGuid():N}.tmp";
        try
        {
            await File.WriteAllBytesAsync(temporary, bytes);
            File.Move(temporary, file.FullName, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    public static Task WriteAsync(FileInfo file, string text) => WriteAsync(file, System.Text.Encoding.UTF8.GetBytes(text));
}
