using System.CommandLine;
using System.Diagnostics;
using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Scorecard;

namespace MlServe.Benchmarks.Quantization;

/// <summary>Measures all that is claimed of quantization, in a few minutes; the scorecard has the short rows of it.</summary>
internal static class QuantizationCommand
{
    private const int Windows = 15;

    public static Command Create()
    {
        var only = new Option<string>("--only")
        {
            Description = "Only rows whose name begins so.",
            DefaultValueFactory = static _ => "int8",
        };
        var json = new Option<FileInfo?>("--json") { Description = "Also write the rows as JSON." };
        var command = new Command(
            "quantization",
            "INT8 against FP32: speed, size and answers of the models that quantization is claimed for. Fetches PP-OCRv4 by npm.")
        {
            only, json, CalibrationChild.Create(),
        };
        command.SetAction(async (arguments, cancellationToken) =>
            await RunAsync(arguments.GetValue(only)!, arguments.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string only, FileInfo? json, CancellationToken cancellationToken)
    {
        Console.WriteLine(Machine.Describe());
        var clock = Stopwatch.StartNew();
        var nameWidth = Int8Groups.All.SelectMany(static group => group.Claims).Max(static claim => claim.Name.Length);
        var rows = new List<ScorecardRow>();
        var broken = 0;
        foreach (var group in Int8Groups.All.Where(group => group.Matches(only)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var row in group.Run(Windows, only, exception =>
            {
                broken++;
                Console.Error.WriteLine(exception);
            }))
            {
                rows.Add(row);
                Console.WriteLine(ScorecardText.Format(row, nameWidth));
            }
        }

        Console.WriteLine(ScorecardText.Summarize(rows, clock.Elapsed));
        if (json is not null) await File.WriteAllTextAsync(json.FullName, ScorecardText.ToJson(rows), cancellationToken);
        return broken == 0 ? 0 : 1;
    }
}
