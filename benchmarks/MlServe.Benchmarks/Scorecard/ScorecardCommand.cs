using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>
/// Measures all rows, prints them as a table and writes them as JSON. A verdict is no failure: the exit code is 0 whatever they say, and 1
/// where a row could not be measured because something broke.
/// </summary>
internal static class ScorecardCommand
{
    public const int FewestWindows = 15;

    public static Command Create()
    {
        var json = new Option<FileInfo?>("--json") { Description = "Also write the rows as JSON." };
        var only = new Option<string>("--only") { Description = "Only rows whose name begins so.", DefaultValueFactory = static _ => "" };
        only.Validators.Add(static result =>
        {
            if (result.Tokens is not [{ Value: var prefix }]) return;
            if (!ScorecardGroups.All.Any(group => group.Matches(prefix)))
                result.AddError(
                    $"No row's name begins with '{prefix}'. "
                    + $"The rows: {string.Join(", ", ScorecardGroups.Claims.Select(static claim => claim.Name))}.");
        });
        var windows = new Option<int>("--windows")
        {
            Description = $"Pairs of windows a row, {FewestWindows} or more.",
            DefaultValueFactory = static _ => 21,
        };
        windows.Validators.Add(static result =>
        {
            // What is no number is told by the parser; asking it for the value would throw.
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var count)
                && count < FewestWindows)
                result.AddError($"--windows takes {FewestWindows} or more.");
        });
        var sabotage = new Option<bool>("--sabotage") { Description = "Spin 20 us before each prediction of MlServe's.", Hidden = true };

        var command = new Command("scorecard", "Every claim as a row with an interval and a verdict.") { json, only, windows, sabotage };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            if (arguments.GetValue(sabotage)) Sabotage.TurnOn();
            return await RunAsync(arguments.GetValue(json), arguments.GetValue(only)!, arguments.GetValue(windows), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(FileInfo? json, string only, int windows, CancellationToken cancellationToken)
    {
        Console.WriteLine(Machine.Describe());
        if (Sabotage.IsOn) Console.WriteLine("SABOTAGED: each prediction of MlServe's is 20 us slower than it is.");
        var clock = Stopwatch.StartNew();
        var nameWidth = ScorecardGroups.Claims.Max(static claim => claim.Name.Length);
        var rows = new List<ScorecardRow>();
        var times = new List<(string Name, TimeSpan Elapsed)>();
        var broken = 0;
        foreach (var group in ScorecardGroups.All.Where(group => group.Matches(only)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var started = clock.Elapsed;
            foreach (var row in group.Run(windows, only, exception =>
            {
                broken++;
                Console.Error.WriteLine(exception);
            }))
            {
                rows.Add(row);
                Console.WriteLine(ScorecardText.Format(row, nameWidth));
            }

            times.Add((group.Claims[0].Name, clock.Elapsed - started));
        }

        Console.WriteLine(ScorecardText.Summarize(rows, clock.Elapsed));
        Console.WriteLine("longest: " + string.Join(", ", times.OrderByDescending(static time => time.Elapsed).Take(5)
            .Select(static time => string.Create(CultureInfo.InvariantCulture, $"{time.Name} {time.Elapsed.TotalSeconds:0} s"))));
        if (json is not null) await File.WriteAllTextAsync(json.FullName, ScorecardText.ToJson(rows), cancellationToken);
        return broken == 0 ? 0 : 1;
    }
}
