namespace MlServe.Samples;

/// <summary>
/// Where things lie: this assembly is built into artifacts/bin/&lt;project&gt;/&lt;configuration&gt;, and so are the samples.
/// </summary>
internal static class Repository
{
    private static readonly DirectoryInfo Output = new(AppContext.BaseDirectory);

    public static string Root { get; } = Output.Parent!.Parent!.Parent!.Parent!.FullName;

    public static string Screenshots { get; } = Directory.CreateDirectory(Path.Combine(Root, "artifacts", "screenshots")).FullName;

    public static string SampleAssembly(string sample) =>
        Path.Combine(Output.Parent!.Parent!.FullName, sample, Output.Name, $"{sample}.dll");

    public static string Read(params string[] path) => File.ReadAllText(Path.Combine([Root, .. path]));
}
