using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace MlServe.Attack.Mutations;

/// <summary>
/// Mutated models against a host that verifies. The host is a process; should it die, that is counted and it is started anew.
/// <c>--cases</c> adds <c>*.onnx</c> files to the models that mutations are made of.
/// </summary>
internal sealed class MutationAttack : IAttack
{
    private const int Mutations = 20_000;
    private const int ShortMutations = 200;

    /// <summary>Every so many goes the whole way, a process a model.</summary>
    private const int WholeWay = 200;

    private const int MaxShown = 12;

    public string Name => "mutations";

    public string Promise => "a host that verifies models in a child process survives mutated ones";

    public async Task<AttackReport> RunAsync(AttackOptions options, CancellationToken cancellationToken)
    {
        var tool = Path.Combine(AppContext.BaseDirectory, "mlserve.dll");
        if (!File.Exists(tool)) return AttackReport.CouldNotBeMade($"There is no tool '{tool}'.");
        var count = options.IsShort ? ShortMutations : Mutations;
        var outcomes = new ConcurrentDictionary<string, int>();
        var crashes = new ConcurrentQueue<string>();
        var deaths = new ConcurrentQueue<string>();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Max(1, Environment.ProcessorCount / 2)).Select(_ => Task.Run(async () =>
        {
            using var host = new LineChannel(
                MutationHost.Argument, options.Seed.ToString(CultureInfo.InvariantCulture), options.Cases ?? "", tool);
            while (Interlocked.Increment(ref next) is var number && number < count && !cancellationToken.IsCancellationRequested)
            {
                var line = number.ToString(CultureInfo.InvariantCulture);
                var isWhole = number % (options.IsShort ? WholeWay / 10 : WholeWay) == 0;
                var (answer, end) = await host.AskAsync(isWhole ? $"{line} whole" : line).ConfigureAwait(false);
                if (answer is null)
                {
                    deaths.Enqueue($"{number}: {end}");
                    continue;
                }

                if (answer.StartsWith("crashed ", StringComparison.Ordinal))
                {
                    // And the same by the real tool: the host must say so, and live.
                    crashes.Enqueue($"{number}: {answer}");
                    var (real, realEnd) = await host.AskAsync($"{line} whole").ConfigureAwait(false);
                    if (real is null) deaths.Enqueue($"{number}, the whole way: {realEnd}");
                    answer = answer["crashed ".Length..];
                }

                outcomes.AddOrUpdate(answer.Split(' ')[0], 1, static (_, known) => known + 1);
            }
        }, cancellationToken))).ConfigureAwait(false);

        var counts = outcomes.OrderByDescending(static outcome => outcome.Value)
            .Select(static outcome => $"{outcome.Value} {outcome.Key}");
        var text = new StringBuilder()
            .AppendLine(CultureInfo.InvariantCulture, $"{count} mutations: {string.Join(", ", counts)}")
            .AppendLine(CultureInfo.InvariantCulture, $"{crashes.Count} brought down the process that tried them, {deaths.Count} the host");
        foreach (var death in deaths.Take(MaxShown))
            text.AppendLine(CultureInfo.InvariantCulture, $"  host died of {death}");
        foreach (var crash in crashes.Take(MaxShown))
            text.AppendLine(CultureInfo.InvariantCulture, $"  {crash}");
        return Judge(outcomes, crashes.Count, deaths.Count, text.ToString().TrimEnd()) with
        {
            Cases = options.Cases is { } cases ? Corpus.FilesOf(cases).Count() : 0,
        };
    }

    /// <summary>
    /// A host that refuses everything survives everything: of what it tried some must load, and nothing may be refused because it could not
    /// be verified.
    /// </summary>
    private static AttackReport Judge(IReadOnlyDictionary<string, int> outcomes, int crashes, int deaths, string text)
    {
        var tries = outcomes.Values.Sum();
        var notVerified = outcomes.GetValueOrDefault(nameof(ModelLoadFailure.NotVerified));
        return AttackReport.Of(tries + deaths, deaths, text)
            .Requiring(outcomes.ContainsKey("loaded"), "No mutation was loaded: nothing was asked of the host.")
            .Requiring(crashes <= tries / 2, "What tries models died of most of them: it says nothing of the models.")
            .Requiring(notVerified <= tries / 10, $"{notVerified} could not be verified: the tool does not work here.");
    }
}
