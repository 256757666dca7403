namespace MlServe.Quantization.Runtime;

/// <summary>Removes folders for temporary files.</summary>
internal static class TemporaryFolders
{
    /// <summary>Removes a folder with all that is in it; if that fails, the system's own cleaning is left to it.</summary>
    public static void TryDelete(DirectoryInfo? folder)
    {
        try
        {
            folder?.Delete(recursive: true);
        }
        catch (IOException)
        {
        }
        catch (UnauthorizedAccessException)
        {
        }
    }
}
