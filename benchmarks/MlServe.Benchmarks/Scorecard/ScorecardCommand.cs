using System.Globalization;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Measures all rows, prints them as a table and writes them as JSON. A verdict is no failure: the exit code is 0 whatever they say.</summary>
internal static class ScorecardCommand
{
    private static readonly (string Prefix, Func<int, IEnumerable<ScorecardRow>> Measure)[] Groups =
    [
        ("direct.", DirectRows.Measure),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        string? json = null;
        var only = "";
        var windows = 21;
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--json" when value is not null:
                    json = value;
                    break;
                case "--only" when value is not null:
                    only = value;
                    break;
                case "--windows" when int.TryParse(value, CultureInfo.InvariantCulture, out windows) && windows >= 15:
                    break;
                default:
                    await Console.Error.WriteLineAsync($"'{args[i]}{(value is null ? "" : " " + value)}' is not an option; --windows takes 15 or more.");
                    return 2;
            }

            i++;
        }

        Console.WriteLine(Machine.Describe());
        var rows = new List<ScorecardRow>();
        foreach (var (prefix, measure) in Groups)
        {
            if (!prefix.StartsWith(only, StringComparison.Ordinal) && !only.StartsWith(prefix, StringComparison.Ordinal)) continue;
            foreach (var row in measure(windows).Where(row => row.Name.StartsWith(only, StringComparison.Ordinal)))
            {
                rows.Add(row);
                Console.WriteLine(ScorecardText.Format(row));
            }
        }

        if (json is not null) await File.WriteAllTextAsync(json, ScorecardText.ToJson(rows));
        return 0;
    }
}
