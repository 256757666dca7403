using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MlServe.Attack.House;

/// <summary>
/// The whole house at once: hosts in which each pair of features meets, on real models, under requests of all kinds, swaps and faults. At
/// its end each keeps the laws of conservation. The short form tries each composition once; the long form goes on with other seeds until
/// its time is over. Faults that are planted in the test's own code are all found, or no pass. Takes no cases of a folder.
/// </summary>
internal sealed class HouseAttack : IAttack
{
    private const string Columns = "seconds,seed,case,threads,timers,descriptors,managed_bytes,native_bytes,resident_bytes\n";

    public string Name => "house";

    public string Promise => "All features together: nothing is lost, doubled, wrong or left behind.";

    public async Task<AttackReport> RunAsync(AttackOptions options, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var (watch, asked, broken, swaps, tried) = (Stopwatch.StartNew(), 0L, 0, 0, 0);
        List<HouseComposition>? first = null;
        for (var seed = options.Seed; seed == options.Seed || watch.Elapsed < options.Time; seed++)
        {
            var compositions = PairwiseArray.Make(seed);
            var (missing, refused) = PairwiseArray.Check(compositions);
            if (missing > 0 || refused > 0) return AttackReport.CouldNotBeMade($"{missing} pairs are missing, {refused} must not meet.");
            first ??= compositions;

            // What the process does once is no growth.
            if (tried == 0) await new HouseRun(compositions[0], seed, HouseSabotage.None).RunAsync(isMeasured: false).ConfigureAwait(false);
            for (var number = 0; number < compositions.Count; number++)
            {
                if (options.Case is { } one && number != one) continue;
                if (seed > options.Seed && watch.Elapsed >= options.Time) break;
                var run = new HouseRun(compositions[number], seed + number, HouseSabotage.None);
                var faults = await run.RunAsync(isMeasured: true).ConfigureAwait(false);
                (asked, swaps, tried) = (asked + run.Asked, swaps + run.Swaps, tried + 1);
                Note(options, watch, seed, number);
                if (faults.Count == 0) continue;
                broken++;
                text.AppendLine(CultureInfo.InvariantCulture, $"BROKEN: --seed {seed} --case {number}: {compositions[number]}");
                foreach (var fault in faults)
                    text.AppendLine(CultureInfo.InvariantCulture, $"  {fault}");
            }

            if (options.Case is not null) break;
        }

        var missed = options.Case is null ? await MissedAsync(options.Seed, text).ConfigureAwait(false) : [];
        return AttackReport.Of(asked, broken, string.Create(CultureInfo.InvariantCulture,
            $"{tried} houses ({first!.Count} hold all pairs), {asked:N0} requests, {swaps} swaps, {broken} houses broken.\n{text}"))
            .Requiring(missed.Count == 0, $"Planted faults that were not found: {string.Join(", ", missed)}.");
    }

    /// <summary>Plants each fault in a small house.</summary>
    private static async Task<List<HouseSabotage>> MissedAsync(int seed, StringBuilder text)
    {
        List<HouseSabotage> missed = [];
        var composition = HouseComposition.Of(("flow", "batched"), ("swaps", "publish"));
        foreach (var sabotage in Enum.GetValues<HouseSabotage>().Where(static sabotage => sabotage != HouseSabotage.None))
        {
            var faults = await new HouseRun(composition, seed, sabotage).RunAsync(isMeasured: true).ConfigureAwait(false);
            if (faults.Count == 0) missed.Add(sabotage);
            else text.AppendLine(CultureInfo.InvariantCulture, $"planted {sabotage}: {faults[0]}");
        }

        return missed;
    }

    /// <summary>The process after each house of a soak, a line each.</summary>
    private static void Note(AttackOptions options, Stopwatch watch, int seed, int number)
    {
        if (options.Csv is not { } file) return;
        if (!File.Exists(file)) File.WriteAllText(file, Columns);
        File.AppendAllText(file, string.Create(
            CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds:F1},{seed},{number},{HouseRun.Last},{Environment.WorkingSet}\n"));
    }
}
