namespace MlServe.Onnx.Files;

/// <summary>A file that somebody else is to write for us, in a folder that only this user may enter. Gone when it is disposed.</summary>
internal sealed class PrivateFile : IDisposable
{
    private readonly string _folder;

    private PrivateFile(string folder, string name)
    {
        _folder = folder;
        Path = System.IO.Path.Combine(folder, name);
    }

    public string Path { get; }

    /// <returns>Null if there is no room for temporary files.</returns>
    public static PrivateFile? TryCreate(string name)
    {
        try
        {
            return new(Directory.CreateTempSubdirectory("mlserve-").FullName, name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The system clears its temporary files.
        }
    }
}
