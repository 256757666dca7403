namespace MlServe.Attack.House;

/// <summary>All that compositions are made of. A feature that is added joins here, and each pair with it is tried.</summary>
internal static class HouseFactors
{
    public static readonly HouseFactor[] All =
    [
        new("model", "mlp", "wide", "lengths", "slow"),
        new("flow", "direct", "batched", "queued", "held", "padded"),
        new("cache", "off", "exact", "small", "second-level", "outermost"),
        new("fallback", "none", "value", "model", "function", "stale", "hedged", "chain"),
        new("timeout", "off", "long", "short"),
        new("breaker", "off", "on", "checked"),
        new("chaos", "off", "failures", "latency", "nan"),
        new("layers", "none", "yields", "throws", "polly"),
        new("swaps", "none", "reload", "publish", "configuration"),
        new("sessions", "one", "two", "threads"),
        new("gate", "default", "one"),
        new("queue", "default", "short"),
        new("listeners", "none", "all", "throwing"),
        new("door", "provider", "keyed", "injected"),
        new("callers", "await", "block", "synchronous", "mixed"),
        new("priorities", "normal", "mixed"),
        new("level", "none", "p99"),
        new("answers", "disposed", "kept", "dropped"),
        new("arena", "own", "none"),
        new("verified", "no", "yes"),
        new("folder", "none", "kept"),
    ];

    /// <summary>Pairs that the options refuse, or that mean nothing, and those that follow from them.</summary>
    private static readonly string[] Refused =
    [
        "model=mlp flow=padded", "model=wide flow=padded", "model=slow flow=padded",

        // A value is a row of one length.
        "model=lengths fallback=value", "model=lengths fallback=chain",
        "flow=padded fallback=value", "flow=padded fallback=chain",
        "cache=off fallback=stale", "cache=off fallback=chain",
    ];

    private static readonly HashSet<(int, int, int, int)> RefusedPairs = [.. Refused.Select(Parse)];

    /// <summary>Whether two levels may stand together; the first factor comes before the second.</summary>
    public static bool MayMeet(int factor, int level, int otherFactor, int otherLevel) => factor < otherFactor
        ? !RefusedPairs.Contains((factor, level, otherFactor, otherLevel))
        : !RefusedPairs.Contains((otherFactor, otherLevel, factor, level));

    private static (int, int, int, int) Parse(string pair)
    {
        var sides = pair.Split(' ').Select(static side => side.Split('=')).Select(static side =>
        {
            var factor = Array.FindIndex(All, factor => factor.Name == side[0]);
            return (Factor: factor, Level: Array.IndexOf(All[factor].Levels, side[1]));
        }).OrderBy(static side => side.Factor).ToArray();
        return sides.Any(static side => side.Level < 0)
            ? throw new InvalidOperationException($"'{pair}' names what is not there.")
            : (sides[0].Factor, sides[0].Level, sides[1].Factor, sides[1].Level);
    }
}
