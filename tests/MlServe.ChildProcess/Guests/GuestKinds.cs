namespace MlServe.ChildProcess.Guests;

/// <summary>Which guests throw, by the names of their calls.</summary>
internal static class GuestKinds
{
    private static readonly Dictionary<string, string[]> Prefixes = new(StringComparer.Ordinal)
    {
        ["none"] = [],

        // With all others whose exceptions it is told of.
        ["logger"] = ["event.", "layer.", "callback.", "hybrid.", "host.", "context.", "activity.Sample"],
        ["logger-enabled"] = ["logger."],
        ["logger-factory"] = ["factory.CreateLogger"],
        ["meters"] = ["meter."],
        ["meter-factory"] = ["factory.CreateMeter"],
        ["activities"] = ["activity.Sample", "activity.ActivityStarted", "activity.ActivityStopped"],

        // The runtime asks nobody else where one throws.
        ["activity-source"] = ["activity.ShouldListenTo"],
        ["events"] = ["events.written"],
        ["event-source"] = ["events.created"],
        ["clock"] = ["clock.", "timer."],
        ["contexts"] = ["context.", "scheduler."],
        ["caches"] = ["hybrid."],
        ["layers"] = ["layer.", "callback."],
        ["host"] = ["host."],
        ["all"] = [""],
    };

    public static IEnumerable<string> All => Prefixes.Keys;

    /// <summary>Whoever is asked first what is to be done, so that little would be done if it always threw.</summary>
    private static readonly string[] Rare = ["clock.Get", "clock.Create", "timer.", "layer.Predict", "activity.Sample", "hybrid.Get"];

    public static Mischief Create(string kind)
    {
        // Every fifth: a request makes three calls of a cache, so that of every third it would always be the same one that throws.
        var prefixes = Prefixes[kind];
        return new((name, call) => Begins(name, prefixes) && (call % 5 == 2 || !Begins(name, Rare)));
    }

    private static bool Begins(string name, string[] prefixes) =>
        Array.Exists(prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal));
}
