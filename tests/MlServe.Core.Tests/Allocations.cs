namespace MlServe.Tests;

/// <summary>Counts what the whole process allocates; for tests of <see cref="Alone"/>.</summary>
internal static class Allocations
{
    /// <summary>
    /// The bytes of the round that allocated least: what the code needs. What the test host allocates in the meantime falls on some rounds,
    /// what the code allocates on all.
    /// </summary>
    public static long Least(Action round, int rounds = 20)
    {
        round();
        round();
        var least = long.MaxValue;
        for (var i = 0; i < rounds && least > 0; i++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            round();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return least;
    }
}
