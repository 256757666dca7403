namespace MlServe.Quantization.Evaluation;

/// <summary>Finds how many of the most harmful nodes have to stay FP32: groups that double until one passes, then the middle between the last two.</summary>
internal static class ExclusionSearch
{
    private const int MaxRefinements = 3;

    /// <param name="nodes">How many nodes could be left out; at least one is kept.</param>
    /// <param name="tryLeavingOut">Leaves out that many of the most harmful and says whether it passes.</param>
    /// <param name="hasTime">Whether there is time for another.</param>
    /// <returns>The least number that was seen to pass, or null.</returns>
    public static async Task<int?> FindAsync(int nodes, Func<int, Task<bool>> tryLeavingOut, Func<bool> hasTime)
    {
        var failed = 0;
        int? passed = null;
        for (var count = 1; count < nodes && hasTime(); count = Next(count, nodes))
        {
            if (await tryLeavingOut(count).ConfigureAwait(false))
            {
                passed = count;
                break;
            }

            failed = count;
        }

        for (var i = 0; i < MaxRefinements && passed is { } upper && upper - failed > 1 && hasTime(); i++)
        {
            var middle = failed + ((upper - failed) / 2);
            if (await tryLeavingOut(middle).ConfigureAwait(false)) passed = middle;
            else failed = middle;
        }

        return passed;
    }

    private static int Next(int count, int nodes) => count == nodes - 1 ? nodes : Math.Min(count * 2, nodes - 1);
}
