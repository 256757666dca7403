using System.Collections.Concurrent;
using System.Diagnostics;

namespace MlServe.Docs.Samples;

/// <summary>A sample that runs in a process and a folder of its own.</summary>
internal sealed class SampleProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static int _count;

    private readonly Process _process;
    private readonly string _assembly;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SampleProcess(Process process, string assembly)
    {
        _process = process;
        _assembly = assembly;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
    }

    /// <summary>All that it has written, both streams together.</summary>
    public string Output => string.Join('\n', _output);

    public static SampleProcess Start(Sample sample, SampleFolder folder)
    {
        // In the tests' own output folder, because that is where their dependencies are found from.
        var assembly = Path.Combine(AppContext.BaseDirectory, $"sample-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}.dll");
        SampleCompiler.Emit(sample, assembly);

        if (sample.Settings is { } settings) File.WriteAllText(folder.PathOf("appsettings.json"), settings.Text);

        var tests = Path.Combine(AppContext.BaseDirectory, typeof(SampleProcess).Assembly.GetName().Name!);
        var start = new ProcessStartInfo(
            DotNet(), ["exec", "--depsfile", $"{tests}.deps.json", "--runtimeconfig", $"{tests}.runtimeconfig.json", assembly])
        {
            WorkingDirectory = folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var inherited in start.Environment.Keys.Where(IsOfHosts).ToList())
            start.Environment.Remove(inherited);
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";

        var running = new SampleProcess(new() { StartInfo = start }, assembly);
        running._process.Start();
        running._process.BeginOutputReadLine();
        running._process.BeginErrorReadLine();
        return running;
    }

    /// <summary>Where its web server listens, as soon as it does.</summary>
    public async Task<Uri> GetAddressAsync(CancellationToken cancellationToken)
    {
        var exited = _process.WaitForExitAsync(cancellationToken);
        var first = await Task.WhenAny(_address.Task, exited).WaitAsync(Patience, cancellationToken);
        if (first == exited)
            throw new InvalidOperationException($"The sample ended with code {_process.ExitCode} before it listened:\n{Output}");
        return await _address.Task;
    }

    /// <summary>Ends its input, which stops its host where it has one, and waits for its end.</summary>
    /// <returns>The code with which it ended.</returns>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(Patience, cancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        File.Delete(_assembly);
    }

    private static bool IsOfHosts(string variable) =>
        variable.StartsWith("ASPNETCORE_", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("MlServing", StringComparison.OrdinalIgnoreCase)
        || variable.Equals("DOTNET_ENVIRONMENT", StringComparison.OrdinalIgnoreCase);

    /// <summary>The <c>dotnet</c> that runs this process.</summary>
    private static string DotNet()
    {
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        return Path.GetFullPath(Path.Combine(framework, "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
    }

    private void Take(string? line)
    {
        if (line is null) return;
        _output.Enqueue(line);
        if (line.StartsWith(SampleHost.Listening, StringComparison.Ordinal))
            _address.TrySetResult(new(line[SampleHost.Listening.Length..]));
    }
}
