namespace MlServe.Cli;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("mlserve-cli-").FullName;

    public IEnumerable<string> Files =>
        Directory.EnumerateFiles(Folder).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal);

    public string this[string name] => Path.Combine(Folder, name);

    public string Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
