using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MlServe.Samples;

/// <summary>A program under test, started as a user starts it.</summary>
internal sealed class SampleProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _awaited = new();

    private SampleProcess(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = new() { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.Exited += (_, _) =>
        {
            foreach (var (text, awaited) in _awaited)
                awaited.TrySetException(new InvalidOperationException($"The program ended before it said '{text}'. It said:\n{Output}"));
        };
    }

    /// <summary>What it has said up to now, on both streams.</summary>
    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public static SampleProcess StartSample(
        string sample, IEnumerable<string> arguments, params (string Name, string Value)[] environment) =>
        Start("dotnet", [Repository.SampleAssembly(sample), .. arguments], environment);

    public static SampleProcess Start(string program, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        var sample = new SampleProcess(start);
        sample._process.Start();
        sample._process.BeginOutputReadLine();
        sample._process.BeginErrorReadLine();
        return sample;
    }

    /// <summary>Waits for a line that holds <paramref name="text"/> and gives what follows it there.</summary>
    public async Task<string> AfterAsync(string text)
    {
        var awaited = _awaited.GetOrAdd(text, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        foreach (var line in Output.Split('\n'))
            Match(line, text, awaited);
        return await awaited.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Asks it to stop, as a container engine does.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }

    private static void Match(string line, string text, TaskCompletionSource<string> awaited)
    {
        var at = line.IndexOf(text, StringComparison.Ordinal);
        if (at >= 0) awaited.TrySetResult(line[(at + text.Length)..].Trim());
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
        foreach (var (text, awaited) in _awaited)
            Match(line, text, awaited);
    }
}
