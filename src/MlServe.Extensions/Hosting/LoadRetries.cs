namespace MlServe.Hosting;

/// <summary>
/// Tries models again that the host goes on without: those that are not required, and those that a reload has added. At growing intervals,
/// because a file that is not there yet may come, and one that is broken is read in vain each time.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="load">Loads a model, and does not throw.</param>
/// <param name="announce">Told when a model is tried next.</param>
/// <param name="stopping">Ends all of it.</param>
internal sealed class LoadRetries(
    TimeProvider time, Func<ModelEntry, Task> load, Action<ModelEntry, TimeSpan> announce, CancellationToken stopping)
{
    internal static readonly TimeSpan First = TimeSpan.FromSeconds(5);
    internal static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private readonly HashSet<ModelEntry> _underWay = [];

    /// <summary>Tries a model again until it is loaded; does nothing if that is under way.</summary>
    public void Begin(ModelEntry model)
    {
        lock (_underWay)
        {
            if (!_underWay.Add(model)) return;
        }

        using var noContext = Background.SuppressFlow();
        _ = RunAsync(model);
    }

    private async Task RunAsync(ModelEntry model)
    {
        try
        {
            for (var delay = First; model.State is ModelState.Failed or ModelState.Loading;
                delay = delay * 2 < Longest ? delay * 2 : Longest)
            {
                announce(model, delay);
                await Task.Delay(delay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (stopping.IsCancellationRequested) return;
                if (model.State == ModelState.Failed) await load(model).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_underWay) _underWay.Remove(model);
        }
    }
}
