namespace MlServe.Attack.House;

/// <summary>
/// Compositions in which each pair of levels that may meet does meet at least once: a greedy covering array of strength two, as AETG
/// builds it (Cohen, Dalal, Fredman and Patton, "The AETG System", 1997).
/// </summary>
internal static class PairwiseArray
{
    private const int Candidates = 60;

    /// <summary>Draws an array.</summary>
    public static List<HouseComposition> Make(int seed)
    {
        var random = new Random(seed);
        var open = PairsToCover();
        var compositions = new List<HouseComposition>();
        while (open.Count > 0)
        {
            var best = Enumerable.Range(0, Candidates).Select(_ => Draw(open, random)).MaxBy(levels => Covered(levels, open).Count())!;
            open.ExceptWith(Covered(best, open).ToList());
            compositions.Add(new(best));
        }

        return compositions;
    }

    /// <summary>The pairs that no composition has, although they may meet, and those that meet and must not.</summary>
    public static (int Missing, int Refused) Check(IEnumerable<HouseComposition> compositions)
    {
        var (missing, refused) = (PairsToCover(), 0);
        var all = missing.ToHashSet();
        foreach (var pair in compositions.SelectMany(static composition => PairsOf([.. composition.Levels])))
        {
            missing.Remove(pair);
            if (!all.Contains(pair)) refused++;
        }

        return (missing.Count, refused);
    }

    private static HashSet<(int, int, int, int)> PairsToCover()
    {
        var pairs = new HashSet<(int, int, int, int)>();
        var factors = HouseFactors.All;
        for (var i = 0; i < factors.Length; i++)
        {
            for (var j = i + 1; j < factors.Length; j++)
            {
                for (var a = 0; a < factors[i].Levels.Length; a++)
                {
                    for (var b = 0; b < factors[j].Levels.Length; b++)
                    {
                        if (HouseFactors.MayMeet(i, a, j, b)) pairs.Add((i, a, j, b));
                    }
                }
            }
        }

        return pairs;
    }

    /// <summary>Begins with a pair that is open, and gives each other factor the level that covers most, in a drawn order.</summary>
    private static int[] Draw(HashSet<(int, int, int, int)> open, Random random)
    {
        while (true)
        {
            var levels = Enumerable.Repeat(-1, HouseFactors.All.Length).ToArray();
            var (i, a, j, b) = open.ElementAt(random.Next(open.Count));
            (levels[i], levels[j]) = (a, b);
            var order = Enumerable.Range(0, levels.Length).Where(factor => levels[factor] < 0).ToArray();
            random.Shuffle(order);
            if (order.All(factor => (levels[factor] = Best(factor, levels, open, random)) >= 0)) return levels;
        }
    }

    private static int Best(int factor, int[] levels, HashSet<(int, int, int, int)> open, Random random)
    {
        var (best, most) = (-1, -1.0);
        for (var level = 0; level < HouseFactors.All[factor].Levels.Length; level++)
        {
            // Nothing but equals is decided by chance.
            var gain = random.NextDouble();
            for (var other = 0; other < levels.Length && gain >= 0; other++)
            {
                if (levels[other] < 0) continue;
                if (!HouseFactors.MayMeet(factor, level, other, levels[other])) gain = -1;
                else if (open.Contains(Pair(factor, level, other, levels[other]))) gain++;
            }

            if (gain > most) (best, most) = (level, gain);
        }

        return best;
    }

    private static IEnumerable<(int, int, int, int)> Covered(int[] levels, HashSet<(int, int, int, int)> open) =>
        PairsOf(levels).Where(open.Contains);

    private static IEnumerable<(int, int, int, int)> PairsOf(int[] levels)
    {
        for (var i = 0; i < levels.Length; i++)
        {
            for (var j = i + 1; j < levels.Length; j++)
                yield return (i, levels[i], j, levels[j]);
        }
    }

    private static (int, int, int, int) Pair(int i, int a, int j, int b) => i < j ? (i, a, j, b) : (j, b, i, a);
}
