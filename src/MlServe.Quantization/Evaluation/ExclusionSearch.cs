namespace MlServe.Quantization.Evaluation;

/// <summary>
/// Finds how many of the most harmful nodes have to stay FP32. It tries groups that double until one passes, or is too slow, then the
/// middle between the last two.
/// </summary>
internal static class ExclusionSearch
{
    private const int MaxRefinements = 3;

    /// <param name="nodes">How many nodes could be left out; at least one is kept.</param>
    /// <param name="tryLeavingOut">Leaves out that many of the first and says whether it passes; null: it fails in a way that leaving out
    /// more does not cure.</param>
    /// <param name="hasTime">Whether there is time for another.</param>
    /// <returns>The least number that was seen to pass, or null.</returns>
    public static async Task<int?> FindAsync(int nodes, Func<int, Task<bool?>> tryLeavingOut, Func<bool> hasTime)
    {
        var failed = 0;
        int? upper = null;
        int? passed = null;
        for (var count = 1; count < nodes && hasTime() && upper is null; count = Next(count, nodes))
        {
            var outcome = await tryLeavingOut(count).ConfigureAwait(false);
            if (outcome == false) failed = count;
            else upper = count;
            if (outcome == true) passed = count;
        }

        for (var i = 0; i < MaxRefinements && upper is { } above && above - failed > 1 && hasTime(); i++)
        {
            var middle = failed + ((above - failed) / 2);
            var outcome = await tryLeavingOut(middle).ConfigureAwait(false);
            if (outcome == false) failed = middle;
            else upper = middle;
            if (outcome == true) passed = middle;
        }

        return passed;
    }

    /// <param name="nodes">How many nodes could be left out.</param>
    /// <param name="tryLeavingOut">Leaves out that many of the first and says how fast that is; null: it does not pass.</param>
    /// <param name="hasTime">Whether there is time for another.</param>
    /// <returns>The number that was seen to be the fastest of groups that double, up to the first that is slower; or null.</returns>
    public static async Task<int?> FindFastestAsync(int nodes, Func<int, Task<double?>> tryLeavingOut, Func<bool> hasTime)
    {
        (int Count, double Speed)? best = null;
        for (var count = 1; count <= nodes && hasTime(); count = count == nodes ? nodes + 1 : Math.Min(count * 2, nodes))
        {
            var speed = await tryLeavingOut(count).ConfigureAwait(false);
            if (speed > (best?.Speed ?? 0)) best = (count, speed.Value);
            else if (best is not null) break;
        }

        return best?.Count;
    }

    private static int Next(int count, int nodes) => count == nodes - 1 ? nodes : Math.Min(count * 2, nodes - 1);
}
