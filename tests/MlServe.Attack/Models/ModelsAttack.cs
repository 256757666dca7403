using System.Collections.Concurrent;
using System.Globalization;
using MlServe.TestModels;

namespace MlServe.Attack.Models;

/// <summary>
/// Generates models whose rows depend on each other, and models whose rows do not, loads each as an application would, and sees which of
/// them MlServe batches by itself. The plain runtime checks what is claimed of each, and what MlServe answers in batches. A folder of
/// further cases has <c>*.onnx</c> files in <c>dependent</c> and <c>independent</c>.
/// </summary>
internal sealed class ModelsAttack : IAttack
{
    private const int Count = 5000;
    private const int ShortCount = 100;

    /// <summary>The least share of models with independent rows that are to be batched.</summary>
    private const double LeastBatched = 0.98;

    /// <summary>A generator of which so much does not show what it claims is no evidence.</summary>
    private const double MostDiscarded = 0.1;

    private const int LeastKinds = 15;
    private const int Shown = 10;

    public string Name => "models";

    public string Promise =>
        "No model whose rows depend on each other is batched by itself, and of those whose rows do not at least 98 % are.";

    public async Task<AttackReport> RunAsync(AttackOptions options, CancellationToken cancellationToken)
    {
        var count = options.IsShort ? ShortCount : Count;
        var first = unchecked(options.Seed * 100_003);
        var dependent = await TryAsync(
            seed => RowModels.Dependent(unchecked(first + seed)), count, cancellationToken).ConfigureAwait(false);
        var independent = await TryAsync(
            seed => RowModels.Independent(unchecked(first + seed)), count, cancellationToken).ConfigureAwait(false);
        var lines = new List<string>
        {
            Describe("rows that depend on each other", dependent), Describe("rows that do not", independent),
            $"{dependent.Select(static trial => KindOf(trial)).Distinct().Count()} kinds of dependence in "
            + $"{dependent.Select(static trial => trial.Kind).Distinct().Count()} forms.",
        };

        var mixed = dependent.Where(static trial => trial.IsBatched).ToList();
        var wrong = independent.Where(static trial => trial.Wrong is not null).ToList();
        var apart = independent.Where(static trial => !trial.IsBatched).ToList();
        var disproved = independent.Where(static trial => trial.Proof == "Disproved").ToList();
        var proved = dependent.Where(static trial => trial.Proof == "Proved").ToList();
        Show(lines, "batched although its rows depend on each other", mixed, static trial => trial.Note);
        Show(lines, "proved although its rows depend on each other", proved, static trial => trial.Note);
        Show(lines, "answered otherwise in a batch", wrong, static trial => trial.Wrong!);
        Show(lines, "not batched", apart, static trial => trial.Note);
        Show(lines, "disproved although its rows do not depend on each other", disproved, static trial => trial.Note);

        long broken = mixed.Count + proved.Count + wrong.Count;
        if (apart.Count > (1 - LeastBatched) * independent.Count) broken++;
        if (dependent.Select(static trial => KindOf(trial)).Distinct().Count() < LeastKinds) broken++;
        var (cases, unread) = (0, 0);
        if (options.Cases is { } folder)
        {
            (cases, unread, var held) = await TryFolderAsync(folder, lines, cancellationToken).ConfigureAwait(false);
            broken += held ? 0 : 1;
        }

        var report = AttackReport.Of(dependent.Count + independent.Count + cases, broken, string.Join(Environment.NewLine, lines)) with
        {
            Cases = cases,
        };
        return report
            .Requiring(dependent.Count == count && independent.Count == count, "Too few models show what is claimed of them.")
            .Requiring(unread == 0, $"{unread} of the further cases with dependent rows are not loaded: they show nothing of batching.");
    }

    /// <summary>Tries as many models as wanted of those that show what is claimed of them; fewer if too many do not.</summary>
    private static async Task<List<ModelTrial>> TryAsync(Func<int, RowModel> generate, int wanted, CancellationToken cancellationToken)
    {
        var trials = new ConcurrentQueue<ModelTrial>();
        var discarded = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, (int)(wanted * (1 + MostDiscarded))), cancellationToken, async (seed, token) =>
        {
            if (trials.Count >= wanted) return;
            var trial = await ModelTrial.MakeAsync(generate(seed), seed, token).ConfigureAwait(false);
            if (trial is null) Interlocked.Increment(ref discarded);
            else trials.Enqueue(trial);
        }).ConfigureAwait(false);
        return [.. trials.Take(wanted).Select(trial => trial with { Discarded = discarded })];
    }

    private static async Task<(int Tried, int Unread, bool Held)> TryFolderAsync(
        string folder, List<string> lines, CancellationToken cancellationToken)
    {
        var (tried, unread, mixed, apart, independent) = (0, 0, 0, 0, 0);
        foreach (var kind in (string[])["dependent", "independent"])
        {
            var path = Path.Combine(folder, kind);
            string[] files = Directory.Exists(path) ? Directory.GetFiles(path, "*.onnx") : [];
            foreach (var file in files.Order(StringComparer.Ordinal))
            {
                var (isBatched, note) = await ModelTrial.LoadAsync(
                    await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
                tried++;
                if (isBatched is null && kind == "dependent")
                {
                    unread++;
                    lines.Add($"{kind}/{Path.GetFileName(file)}: not loaded. {note}");
                    continue;
                }

                if (kind == "independent") independent++;
                if ((isBatched ?? false) == (kind == "independent")) continue;
                if (kind == "independent") apart++;
                else mixed++;
                lines.Add($"{kind}/{Path.GetFileName(file)}: {(isBatched ?? false ? "batched" : "not batched")}. {note}");
            }
        }

        lines.Add(
            $"Further cases: {tried}; {mixed} with dependent rows batched, {apart} of {independent} with independent rows not batched.");
        return (tried, unread, mixed == 0 && apart <= (1 - LeastBatched) * independent);
    }

    private static string Describe(string what, List<ModelTrial> trials)
    {
        string Share(int part) => string.Create(CultureInfo.InvariantCulture, $"{part} ({100.0 * part / Math.Max(1, trials.Count):F1} %)");
        return $"{trials.Count} models with {what}: {Share(trials.Count(static trial => trial.IsBatched))} batched by itself; the graph "
            + $"alone: {Share(trials.Count(static trial => trial.Proof == "Proved"))} proved, "
            + $"{Share(trials.Count(static trial => trial.Proof == "Disproved"))} disproved, "
            + $"{Share(trials.Count(static trial => trial.Proof == "Unknown"))} unknown. {(trials.Count > 0 ? trials[0].Discarded : 0)} "
            + "more were discarded: they did not show what they claim.";
    }

    private static void Show(List<string> lines, string what, List<ModelTrial> trials, Func<ModelTrial, string> detail)
    {
        foreach (var trial in trials.OrderBy(static trial => trial.Seed).Take(Shown))
            lines.Add($"{what}: model {trial.Seed} ({trial.Kind}): {detail(trial)}");
        if (trials.Count > Shown) lines.Add($"{what}: {trials.Count - Shown} more.");
    }

    /// <summary>The kind without the place in which it stands.</summary>
    private static string KindOf(ModelTrial trial) => trial.Kind[..trial.Kind.LastIndexOf(',')];
}
