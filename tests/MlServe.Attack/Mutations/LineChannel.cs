using System.Diagnostics;

namespace MlServe.Attack.Mutations;

/// <summary>A process of this program that answers lines with lines, and is started anew when it has died.</summary>
internal sealed class LineChannel(params string[] arguments) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Process? _process;
    private Task<string>? _errors;

    /// <summary>Asks.</summary>
    /// <returns>The answer; or null and how the process ended, where it did or had to be killed.</returns>
    public async Task<(string? Answer, string End)> AskAsync(string line)
    {
        var process = _process ??= Start();
        try
        {
            await process.StandardInput.WriteLineAsync(line).ConfigureAwait(false);
            await process.StandardInput.FlushAsync().ConfigureAwait(false);
            var reading = process.StandardOutput.ReadLineAsync();
            await ((Task)reading).WaitAsync(Patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!reading.IsCompleted)
            {
                await EndAsync().ConfigureAwait(false);
                return (null, "hung");
            }

            if (await reading.ConfigureAwait(false) is { } answer) return (answer, "");
        }
        catch (IOException)
        {
            // It has died: what it ended with is read below.
        }

        return (null, await EndAsync().ConfigureAwait(false));
    }

    public void Dispose() => EndAsync().GetAwaiter().GetResult();

    /// <summary>Ends the process; the next question starts another.</summary>
    public async Task<string> EndAsync()
    {
        if (_process is not { } process) return "";
        _process = null;
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(2))) process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync().ConfigureAwait(false);
        var errors = await _errors!.ConfigureAwait(false);
        var code = process.ExitCode;
        process.Dispose();
        return $"exit code {code} {errors[..Math.Min(errors.Length, 300)].ReplaceLineEndings(" ")}".Trim();
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        _errors = process.StandardError.ReadToEndAsync();
        return process;
    }
}
