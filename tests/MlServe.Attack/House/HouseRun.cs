using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace MlServe.Attack.House;

/// <summary>One composition: its host, its callers, and the laws at its end.</summary>
internal sealed class HouseRun(HouseComposition composition, int seed, HouseSabotage sabotage)
{
    private const int Requests = 2400;
    private const int Lives = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static HouseResources? Last { get; private set; }

    public long Asked { get; private set; }

    public int Swaps { get; private set; }

    /// <summary>Lives through it.</summary>
    /// <param name="isMeasured">Whether it must leave the process as it was.</param>
    /// <returns>What did not hold; none if all did.</returns>
    public async Task<List<string>> RunAsync(bool isMeasured)
    {
        Dictionary<string, string>? growth = null;

        // What the process does once is no leak, nor is what an allocator keeps: a leak grows each time.
        for (var life = 0; life < Lives && growth is not { Count: 0 }; life++)
        {
            var before = await HouseResources.LeastAsync().ConfigureAwait(false);
            var faults = await LiveAsync().ConfigureAwait(false);
            var now = await GrowthAsync(before).ConfigureAwait(false);
            if (faults.Count > 0 || !isMeasured) return faults;

            growth = now.Where(entry => growth?.ContainsKey(entry.Key) ?? true).ToDictionary();
        }

        return [.. growth!.Values];
    }

    /// <summary>Threads and handles are given back a moment later.</summary>
    private static async Task<Dictionary<string, string>> GrowthAsync(HouseResources before)
    {
        for (var i = 0; ; i++)
        {
            Last = HouseResources.Now();
            var growth = Last.Growth(before);
            if (growth.Count == 0 || i == 5) return growth;
            await Task.Delay(100).ConfigureAwait(false);
        }
    }

    private async Task<List<string>> LiveAsync()
    {
        var random = new Random(seed);
        using var models = new HouseModels(composition["model"], sabotage == HouseSabotage.ServeOld, random);
        IHost? host = null;
        using var ledger = new HouseLedger(
            () => host!.Services.GetRequiredService<IMeterFactory>(), composition["listeners"] == "throwing");
        using var activities = Listen();
        host = new HouseHost(composition, models, ledger, seed).Build();
        var swaps = new HouseSwaps(composition, models, host.Services, ledger);
        try
        {
            ledger.Listen();
            await host.StartAsync().ConfigureAwait(false);
            ledger.StandIn = host.Services.GetRequiredKeyedService<IPredictor>("s");
            var door = Door(host.Services);
            if (sabotage != HouseSabotage.None) door = new HouseSaboteur(door, sabotage);
            await AskAsync(door, models, ledger, swaps, random).ConfigureAwait(false);
            await SettleAsync(ledger).ConfigureAwait(false);
            Laws(ledger);
            await host.StopAsync().WaitAsync(Patience).ConfigureAwait(false);
        }
        catch (TimeoutException exception)
        {
            ledger.Break($"The host does not stop: {exception.Message}");
        }
        finally
        {
            host.Dispose();
        }

        (Asked, Swaps) = (ledger.Begun, swaps.Count);
        return [.. ledger.Faults, .. ledger.Broken > 8 ? [$"and {ledger.Broken - 8} more"] : Array.Empty<string>()];
    }

    private async Task AskAsync(IPredictor door, HouseModels models, HouseLedger ledger, HouseSwaps swaps, Random random)
    {
        var count = random.Next(16, 65);
        var isOver = false;
        var swapping = Task.Run(() => swaps.RunAsync(() => Volatile.Read(ref isOver)));
        Task[] callers = [.. Enumerable.Range(0, count).Select(number =>
        {
            var caller = new HouseCaller(composition, models, ledger, door, number, new Random((seed * 1000) + number));
            var requests = Requests / count;
            return caller.IsBlocking
                ? OwnThread.Run(() => caller.RunAsync(requests).GetAwaiter().GetResult())
                : Task.Run(() => caller.RunAsync(requests));
        })];
        var all = Task.WhenAll(callers);
        await ((Task)all.WaitAsync(sabotage == HouseSabotage.Lose ? Patience / 6 : Patience)).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing);
        if (!all.IsCompletedSuccessfully)
            ledger.Break($"{ledger.Begun - ledger.Ended} requests have no answer after {Patience}. {all.Exception}");
        Volatile.Write(ref isOver, true);
        await ((Task)swapping.WaitAsync(Patience)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!swapping.IsCompletedSuccessfully) ledger.Break($"A swap has no end after {Patience}. {swapping.Exception}");
    }

    /// <summary>Answers are given first and counted afterwards, and some that nobody waits for are still under way.</summary>
    private static async Task SettleAsync(HouseLedger ledger)
    {
        for (var i = 0; i < 100; i++)
        {
            ledger.Observe();
            if (ledger.Differences().Count == 0 && UnderWay(ledger).Length == 0) return;
            await Task.Delay(50).ConfigureAwait(false);
        }
    }

    private static string[] UnderWay(HouseLedger ledger) =>
    [
        .. new[]
        {
            MlServeDiagnostics.PredictionActiveMetric, MlServeDiagnostics.RunActiveMetric, MlServeDiagnostics.RunWaitingMetric,
        }.Where(name => ledger.Gauge(name) != 0),
    ];

    private void Laws(HouseLedger ledger)
    {
        foreach (var difference in ledger.Differences())
            ledger.Break(difference);
        foreach (var name in UnderWay(ledger))
            ledger.Break(string.Create(CultureInfo.InvariantCulture, $"{name} is {ledger.Gauge(name)} when nobody asks"));
        if (ledger.SeenOf(HouseLedger.Ok) == 0) ledger.Break($"nothing was answered: {ledger}");

        // A request comes to the cache once at most. A retry of the application's asks again.
        if (composition["layers"] == "polly") return;
        var touched = ledger.Gauge(MlServeDiagnostics.CacheHitsMetric) + ledger.Gauge(MlServeDiagnostics.CacheMissesMetric)
            + ledger.Gauge(MlServeDiagnostics.CacheCoalescedMetric) + ledger.Gauge(MlServeDiagnostics.CacheBypassedMetric);
        if (touched > ledger.Begun)
            ledger.Break(string.Create(CultureInfo.InvariantCulture, $"{touched} calls of the cache for {ledger.Begun} requests"));
    }

    private IPredictor Door(IServiceProvider services) => composition["door"] switch
    {
        "keyed" => services.GetRequiredKeyedService<IPredictor>("m"),
        "injected" => services.GetRequiredService<IPredictor>(),
        _ => services.GetRequiredService<IPredictorProvider>().GetPredictor("m"),
    };

    private ActivityListener? Listen()
    {
        if (composition["listeners"] == "none") return null;
        var (isThrowing, calls) = (composition["listeners"] == "throwing", 0);
        var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == MlServeDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ =>
            {
                if (isThrowing && Interlocked.Increment(ref calls) % 5 == 0) throw new HouseException("The listener throws.");
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
