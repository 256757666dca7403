using System.Diagnostics;
using System.Text;
using MlServe.Guests;
using MlServe.Threading;

namespace MlServe.Onnx.Verification;

/// <summary>One run of the tool. Killed if it takes too long or too much memory, with all that it has started.</summary>
internal sealed class CheckProcess(Process process) : IDisposable
{
    private const int MaxText = 64 * 1024;
    private static readonly TimeSpan WatchPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan KillPatience = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _end = new();

    /// <summary>Whether it was killed for its memory.</summary>
    public bool TookTooMuch { get; private set; }

    /// <summary>Gives it its input, and waits for its end.</summary>
    /// <param name="header">The first line of its standard input.</param>
    /// <param name="content">The text that follows it.</param>
    /// <param name="maxMemoryBytes">
    /// The memory beyond which it is killed; 0: none. If the operating system holds it to less, it never gets there.
    /// </param>
    /// <param name="timeout">When it is killed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Kills it at once.</param>
    /// <returns>
    /// The exit code, null if it was killed for its time or memory; the last line of its output, and the end of what it said of errors.
    /// </returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<(int? ExitCode, string Output, string Errors)> RunAsync(
        byte[] header, ReadOnlyMemory<byte> content, long maxMemoryBytes, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_end.Token, cancellationToken);
        using var late = UrgentCancel.After(stop, timeout, time);
        var output = ReadTailAsync(process.StandardOutput);
        var errors = ReadTailAsync(process.StandardError);
        var writing = WriteAsync(header, content, stop.Token);
        var watching = maxMemoryBytes == 0 ? Task.CompletedTask : WatchAsync(maxMemoryBytes, stop.Token);
        try
        {
            await process.WaitForExitAsync(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Kill();
            cancellationToken.ThrowIfCancellationRequested();
            return (null, "", await TextOf(errors).ConfigureAwait(false));
        }
        finally
        {
            await stop.CancelQuietlyAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var lines = (await TextOf(output).ConfigureAwait(false)).TrimEnd();
        return (process.ExitCode, lines[(lines.LastIndexOf('\n') + 1)..], await TextOf(errors).ConfigureAwait(false));
    }

    public void Dispose()
    {
        Kill();
        _end.Dispose();
        process.Dispose();
    }

    private async Task WriteAsync(byte[] header, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        try
        {
            var input = process.StandardInput.BaseStream;
            await input.WriteAsync(header, cancellationToken).ConfigureAwait(false);
            await input.WriteAsync(content, cancellationToken).ConfigureAwait(false);
            await input.FlushAsync(cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it had read all; its exit code says why.
        }
    }

    private async Task WatchAsync(long maxBytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            await UrgentDelay.WaitAsync(WatchPeriod, TimeProvider.System, cancellationToken).ConfigureAwait(false);
            try
            {
                process.Refresh();
                if (process.HasExited) return;
                if (process.WorkingSet64 <= maxBytes) continue;
                TookTooMuch = true;
                await _end.CancelQuietlyAsync().ConfigureAwait(false);
                return;
            }
            catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception
                or NotSupportedException)
            {
                // It has just ended.
                return;
            }
        }
    }

    /// <summary>The end of a process's output; the text before it is read and let go.</summary>
    private static async Task<string> ReadTailAsync(StreamReader reader)
    {
        var tail = new StringBuilder();
        var buffer = new char[4096];
        int count;
        while ((count = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            tail.Append(buffer, 0, count);
            if (tail.Length > 2 * MaxText) tail.Remove(0, tail.Length - MaxText);
        }

        return tail.ToString();
    }

    /// <summary>A process that it started may hold the pipe open after its own end.</summary>
    private static async Task<string> TextOf(Task<string> reading)
    {
        await ((Task)reading).WaitAsync(KillPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return reading.IsCompletedSuccessfully ? await reading.ConfigureAwait(false) : "";
    }

    private void Kill()
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception
            or NotSupportedException or AggregateException)
        {
            // It has just ended.
        }
    }
}
