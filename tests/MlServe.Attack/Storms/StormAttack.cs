using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace MlServe.Attack.Storms;

/// <summary>
/// A storm of requests through whole pipelines of several models at one gate: callers that await, that block threads of the pool, and that
/// ask by the synchronous call; deadlines, cancellations, priorities, requests of many rows; versions that take each other's place
/// meanwhile. Takes from the folder of cases every <c>*.onnx</c> with one input <c>float[batch, length]</c> and one output
/// <c>float[batch, length]</c> whose rows do not depend on each other.
/// </summary>
internal sealed class StormAttack : IAttack
{
    /// <summary>Callers by how they wait, and whether on a thread of the pool.</summary>
    private static readonly (StormWait Wait, bool OnThePool, int Count)[] Callers =
    [
        (StormWait.Await, true, 64),
        (StormWait.Continue, true, 16),
        (StormWait.Block, true, 12),
        (StormWait.Predict, true, 12),
        (StormWait.Block, false, 16),
        (StormWait.Predict, false, 16),
    ];

    /// <summary>How long the last requests may take; longer, and they count as lost.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    public string Name => "storm";

    public string Promise => "Every request is answered exactly once, and right, whatever its neighbours do.";

    public async Task<AttackReport> RunAsync(AttackOptions options, CancellationToken cancellationToken)
    {
        var random = new Random(options.Seed);
        var services = new StormServices(random, options.Cases);
        foreach (var service in services.All)
            await service.ReloadAsync().ConfigureAwait(false);

        var tally = new StormTally();
        using var cancelling = new BlockingCollection<CancellationTokenSource>();
        var canceller = OwnThread.Run(() =>
        {
            foreach (var source in cancelling.GetConsumingEnumerable(CancellationToken.None))
                Cancel(source);
        });
        var watch = Stopwatch.StartNew();
        bool IsOver() => watch.Elapsed >= options.Time || cancellationToken.IsCancellationRequested;

        var callers = new List<Task>();
        foreach (var (wait, onThePool, count) in Callers)
        {
            for (var i = 0; i < count; i++)
            {
                var caller = new StormCaller(services, tally, cancelling, wait, new Random((options.Seed * 1000) + callers.Count));
                callers.Add(onThePool
                    ? Task.Run(() => caller.RunAsync(IsOver), CancellationToken.None)
                    : OwnThread.Run(() => caller.RunAsync(IsOver).GetAwaiter().GetResult()));
            }
        }

        // On a thread of its own, since the pool is blocked most of the time.
        var reloads = 0;
        var reloading = OwnThread.Run(() =>
        {
            while (!IsOver())
            {
                services.All[random.Next(services.All.Count)].ReloadAsync().GetAwaiter().GetResult();
                reloads++;
                Thread.Sleep(Rest);
            }
        });

        var all = Task.WhenAll([.. callers, reloading]);
        await ((Task)all.WaitAsync(options.Time + Patience, CancellationToken.None)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var elapsed = watch.Elapsed;
        if (!all.IsCompletedSuccessfully)
            tally.Break($"{tally.Open} requests have no answer after {Patience}. {all.Exception?.GetBaseException()}");
        cancelling.CompleteAdding();
        await canceller.ConfigureAwait(false);
        if (all.IsCompleted) await CloseAsync(services, tally).ConfigureAwait(false);

        // What was refused, cancelled or late tried nothing.
        string[] silent = [.. services.All.Select(static service => service.Versions[0].Name).Where(name => tally.AnswersOf(name) == 0)];
        var report = AttackReport.Of(tally.Answers, tally.Broken, string.Create(CultureInfo.InvariantCulture,
            $"{tally.Begun} requests of {callers.Count} callers to {services.All.Count} models in {elapsed.TotalSeconds:0} s; {reloads} "
                + $"versions replaced; {StormLayer.LateEnds} calls of layers ended too late; "
                + $"{services.Skipped} files of the cases do not fit.\n{tally}"));
        return report.Requiring(silent.Length == 0, $"No request was answered by {string.Join(", ", silent)}.")
            .Requiring(StormLayer.LateEnds > 0, "No layer went on after its caller's time.") with
        { Cases = services.Cases };
    }

    /// <summary>With nobody left, nothing may be under way, and all closes.</summary>
    private static async Task CloseAsync(StormServices services, StormTally tally)
    {
        var closed = services.DisposeAsync().AsTask();
        await closed.WaitAsync(Patience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!closed.IsCompletedSuccessfully) tally.Break($"The models do not close. {closed.Exception?.GetBaseException()}");

        // Whoever answers gives its place back a moment later.
        for (var i = 0; i < 100 && services.AtTheGate > 0; i++)
            await Task.Delay(Rest, CancellationToken.None).ConfigureAwait(false);
        if (StormLayer.Changed > 0) tally.Break($"{StormLayer.Changed} calls of a layer saw their inputs change under them.");
        if (services.AtTheGate > 0) tally.Break($"{services.AtTheGate} are still at the gate.");
    }

    /// <summary>Where no time is set, the token goes to the application's layers as it is, and what they register throws here.</summary>
    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException)
        {
        }
    }
}
