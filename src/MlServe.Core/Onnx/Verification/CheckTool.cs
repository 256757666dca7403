using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace MlServe.Onnx.Verification;

/// <summary>The tool <c>mlserve</c>, which checks models in a process of its own. Found and asked for its versions once.</summary>
internal sealed class CheckTool
{
    public const string Name = "mlserve";
    public const string Command = "check";
    public const string VersionsOption = "--versions";
    public const string HostOption = "--from-host";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentDictionary<string, CheckTool> Known = new(StringComparer.Ordinal);

    private readonly string _program;
    private readonly string[] _arguments;

    private CheckTool(string path)
    {
        Path = path;
        var isAssembly = path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
        _program = isAssembly ? DotnetHost() : path;
        _arguments = isAssembly ? ["exec", path, Command] : [Command];
    }

    public string Path { get; }

    public CheckVersions Versions { get; private set; } = new("", "");

    /// <summary>Finds the tool and asks for its versions.</summary>
    /// <exception cref="ModelLoadException">There is none, or none that checks models.</exception>
    public static async Task<CheckTool> FindAsync(string? path, CancellationToken cancellationToken)
    {
        var full = path is null ? Search() : System.IO.Path.GetFullPath(path);
        if (full is null)
        {
            throw Missing("it is neither on the PATH nor among the user's .NET tools");
        }

        if (!File.Exists(full)) throw Missing($"there is no file '{full}'");
        if (Known.TryGetValue(full, out var known)) return known;

        var tool = new CheckTool(full);
        tool.Versions = await tool.AskVersionsAsync(cancellationToken).ConfigureAwait(false);
        return Known.GetOrAdd(full, tool);
    }

    /// <summary>Starts it.</summary>
    /// <exception cref="ModelLoadException">It does not start.</exception>
    public CheckProcess Start(string option)
    {
        var start = new ProcessStartInfo(_program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
        };
        foreach (var argument in _arguments)
            start.ArgumentList.Add(argument);
        start.ArgumentList.Add(option);
        try
        {
            return new(Process.Start(start)!);
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or InvalidOperationException or IOException)
        {
            throw Missing($"'{Path}' does not start: {exception.Message}", exception);
        }
    }

    private async Task<CheckVersions> AskVersionsAsync(CancellationToken cancellationToken)
    {
        using var process = Start(VersionsOption);
        var (exitCode, output, errors) = await process.RunAsync(
            [], default, 0, Patience, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        try
        {
            if (exitCode == 0 && JsonSerializer.Deserialize(output, CheckJson.Default.CheckVersions) is { } versions) return versions;
        }
        catch (JsonException)
        {
        }

        var said = $"{errors}{output}".TrimEnd();
        throw Missing(
            $"'{Path}' does not tell its versions (exit code "
            + $"{exitCode?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"})"
            + (said.Length > 0 ? $": {said}" : ": it says nothing, and is not mlserve"));
    }

    private static ModelLoadException Missing(string what, Exception? exception = null) => new(ModelLoadFailure.NotVerified,
        $"The model is to be verified in a process of its own, and the tool for that cannot be used: {what.TrimEnd()}. Install it with "
        + "'dotnet tool install --global MlServe.Cli', "
        + "name it by Verification.ToolPath, or set Verify to None if you trust where the model comes from.", exception);

    /// <summary>Relative entries of the PATH are left out: a file in the current directory need not be the application's.</summary>
    private static string? Search()
    {
        var file = OperatingSystem.IsWindows() ? $"{Name}.exe" : Name;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).ToList();
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (home.Length > 0) folders.Add(System.IO.Path.Combine(home, ".dotnet", "tools"));
        return folders.Where(System.IO.Path.IsPathFullyQualified)
            .Select(folder => System.IO.Path.Combine(folder, file))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>The program that runs assemblies: the one of this process if it runs one, else that of the installation.</summary>
    private static string DotnetHost()
    {
        var file = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        if (Environment.ProcessPath is { } own && System.IO.Path.GetFileName(own).Equals(file, StringComparison.OrdinalIgnoreCase))
            return own;
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root && File.Exists(System.IO.Path.Combine(root, file)))
            return System.IO.Path.Combine(root, file);
        return file;
    }
}
