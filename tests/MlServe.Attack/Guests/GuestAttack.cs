using System.Diagnostics;
using System.Globalization;
using System.Text;
using MlServe.ChildProcess.Guests;

namespace MlServe.Attack.Guests;

/// <summary>
/// Hosts whose loggers, listeners of meters, activities and events, clocks, contexts, caches, layers, callbacks and configuration throw: a
/// whole day of a host, from start over reload to stop, once for each kind of guest and again until the time is over. Each day is a process
/// of its own, because a guest that ends it is what is tried. Takes no cases of a folder.
/// </summary>
internal sealed class GuestAttack : IAttack
{
    /// <summary>A day takes seconds; one that takes this long hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>The kinds of the short form: between them a guest in each role.</summary>
    private static readonly string[] ShortKinds = ["all"];

    public string Name => "guests";

    public string Promise =>
        "Code that is not MlServe's may throw wherever it is called: "
        + "each request is answered once, and right, and the host goes on and stops.";

    public async Task<AttackReport> RunAsync(AttackOptions options, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        string[] kinds = options.IsShort ? ShortKinds : [.. GuestKinds.All];
        var (days, broken, requests, thrown) = (0, 0, 0L, 0L);
        var first = new StringBuilder();
        for (var round = 0; round == 0 || watch.Elapsed < options.Time; round++)
        {
            foreach (var kind in kinds)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (round > 0 && watch.Elapsed >= options.Time) break;
                var (facts, fault) = await LiveThroughAsync(kind, cancellationToken).ConfigureAwait(false);
                requests += NumberOf(facts, "asked");
                thrown += NumberOf(facts, "thrown");
                days++;
                if (fault is null) continue;
                if (++broken <= 5) first.Append(CultureInfo.InvariantCulture, $" [{kind}] {fault}");
            }
        }

        return AttackReport.Of(thrown == 0 ? 0 : requests, broken, string.Create(CultureInfo.InvariantCulture,
            $"{days} days of a host with {kinds.Length} kinds of guests, {requests:N0} requests, {thrown:N0} exceptions of guests, "
                + $"{broken} days on which the promise did not hold.{first}"));
    }

    /// <summary>Lives through one day.</summary>
    /// <returns>What it says of itself, and what did not hold; null where all did.</returns>
    private static async Task<(Dictionary<string, string> Facts, string? Fault)> LiveThroughAsync(
        string kind, CancellationToken cancellationToken)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "MlServe.ChildProcess.dll");
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath is { } path
            && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            ArgumentList = { "exec", program, "guests", kind },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        using var late = new CancellationTokenSource(Patience);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            return ([], $"the host was not through after {Patience}");
        }

        var facts = FactsOf(await output.ConfigureAwait(false));
        return (facts,
            process.ExitCode == 0
                ? FaultOf(kind, facts)
                : $"the process ended with {process.ExitCode}: {LastLineOf(await errors.ConfigureAwait(false))}");
    }

    private static string? FaultOf(string kind, Dictionary<string, string> facts)
    {
        if (facts.GetValueOrDefault("unanswered") != "0") return $"{facts.GetValueOrDefault("unanswered", "?")} requests were not answered";
        if (facts.GetValueOrDefault("wrong") != "0")
            return $"{facts.GetValueOrDefault("wrong", "?")} requests were answered wrongly: {facts.GetValueOrDefault("example")}";
        if (facts.GetValueOrDefault("balanced") != "True") return "answers and requests are not as many";
        if (facts.GetValueOrDefault("stopped") != "True") return "the host did not stop";
        if (NumberOf(facts, "right") == 0) return "no request was answered rightly";
        return (kind == "none") == (NumberOf(facts, "thrown") == 0) ? null : $"guests threw {facts.GetValueOrDefault("thrown", "?")} times";
    }

    private static Dictionary<string, string> FactsOf(string output)
    {
        var facts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.Split('=', 2) is [var name, var value]) facts[name] = value;
        }

        return facts;
    }

    private static long NumberOf(Dictionary<string, string> facts, string name) =>
        long.TryParse(facts.GetValueOrDefault(name), CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string LastLineOf(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "";
}
