using System.Collections.Concurrent;
using MlServe.Guests;

namespace MlServe.Onnx;

/// <summary>
/// Reads that may not come back, from a file system on another machine say. Each has a thread of its own. One that is given up blocks
/// further reads of the same path, so that trying again does not gather threads.
/// </summary>
internal static class BoundedRead
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
    private static readonly ConcurrentDictionary<Task, string> Stuck = new();

    /// <exception cref="ModelLoadException">An earlier read of the path has not come back.</exception>
    public static async Task<T> RunAsync<T>(string path, Func<string, CancellationToken, T> read, CancellationToken cancellationToken)
    {
        if (Stuck.Values.Contains(path))
        {
            throw new ModelLoadException(ModelLoadFailure.Unreadable,
                $"'{path}' cannot be read: an earlier attempt was given up and has still not come back. "
                    + "Look at the file system that it lies on.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        var reading = Background.RunLong(() => read(path, cancellationToken));
        await ((Task)reading).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!reading.IsCompleted)
            await ((Task)reading).WaitAsync(Grace, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (reading.IsCompleted) return await reading.ConfigureAwait(false);

        Stuck[reading] = path;
        Background.Then(reading, () =>
        {
            Stuck.TryRemove(reading, out _);
            ModelContent.LetGo(reading);
        });
        throw new OperationCanceledException(cancellationToken);
    }
}
