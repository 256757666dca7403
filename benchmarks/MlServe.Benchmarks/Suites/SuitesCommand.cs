using System.CommandLine;
using System.Globalization;
using System.Reflection;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Plots;

namespace MlServe.Benchmarks.Suites;

/// <summary>
/// Runs the suites with BenchmarkDotNet and draws what they found. A suite is a public class of this folder with benchmarks in it; nothing
/// has to be registered.
/// </summary>
internal static class SuitesCommand
{
    private const int Failed = 1;

    public static Command Create()
    {
        var filter = new Option<string[]>("--filter")
        {
            Description = "Only benchmarks whose full name fits one of these patterns, as '*Direct*'.",
            DefaultValueFactory = static _ => ["*"],
            AllowMultipleArgumentsPerToken = true,
        };
        var price = new Option<decimal>("--hourly-price")
        {
            Description = "What the machine costs an hour, for the cost of a million predictions.",
            DefaultValueFactory = static _ => 0.096m,
            CustomParser = static result =>
            {
                var text = result.Tokens.Count == 0 ? "0.096" : result.Tokens[0].Value;
                if (decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0) return value;
                result.AddError($"--hourly-price takes a number, 0 or more, with a point before its fraction, as 0.096; it was '{text}'.");
                return 0;
            },
        };
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "Where reports and pictures go.",
            DefaultValueFactory = static _ => new DirectoryInfo(Path.Combine("artifacts", "benchmarks")),
        };
        var quick = new Option<bool>("--quick")
        {
            Description = "Each benchmark once, in this process: shows that it works, and measures nothing.",
        };

        var command = new Command("suites", "Every feature measured by BenchmarkDotNet against the raw runtime, with reports and pictures.")
        {
            filter, price, output, quick,
        };
        command.SetAction(arguments =>
            Run(arguments.GetValue(filter)!, arguments.GetValue(price), arguments.GetValue(output)!, arguments.GetValue(quick)));
        return command;
    }

    /// <summary>BenchmarkDotNet looks for the project below the current folder, wherever it was called from.</summary>
    private static void GoToRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "MlServe.sln"))) continue;
            Environment.CurrentDirectory = folder.FullName;
            return;
        }
    }

    private static int Run(string[] patterns, decimal hourlyPrice, DirectoryInfo output, bool isQuick)
    {
        Directory.CreateDirectory(output.FullName);
        GoToRepository();
        var logPath = Path.Combine(output.FullName, "suites.log");
        using var log = new StreamWriter(logPath);
        var config = SuitesConfig.Create(patterns, hourlyPrice, output.FullName, isQuick, log);
        BenchmarkRunInfo[] suites =
        [
            .. FindSuites()
                .Select(type => BenchmarkConverter.TypeToBenchmarks(type, config))
                .Where(static suite => suite.BenchmarksCases.Length > 0),
        ];
        if (suites.Length == 0)
        {
            Console.Error.WriteLine(
                $"No benchmark fits {string.Join(" ", patterns.Select(static pattern => $"'{pattern}'"))}. Suites: "
                + $"{string.Join(", ", FindSuites().Select(static type => type.Name))}; "
                + "a pattern is matched against the full name, so begin it with '*'.");
            return Failed;
        }

        Console.WriteLine(Machine.Describe());
        var summaries = BenchmarkRunner.Run(suites);
        foreach (var summary in summaries)
        {
            Console.WriteLine($"\n## {summary.BenchmarksCases.FirstOrDefault()?.Descriptor.Type.Name}");
            MarkdownExporter.Console.ExportToLog(summary, ConsoleLogger.Default);
        }

        var note = isQuick ? "each benchmark once: no measurement" : null;
        foreach (var picture in SuitePlots.Draw(SuiteResult.Of(summaries, hourlyPrice), output.FullName, hourlyPrice, note))
            Console.WriteLine(picture);

        var failures = Failures(suites, summaries).ToList();
        foreach (var failure in failures)
            Console.Error.WriteLine($"failed: {failure}");
        if (failures.Count == 0) return 0;
        Console.Error.WriteLine(
            $"{failures.Count} of {suites.Sum(static suite => suite.BenchmarksCases.Length)} benchmarks failed; {logPath} says why.");
        return Failed;
    }

    private static IEnumerable<Type> FindSuites() => typeof(SuitesCommand).Assembly.GetExportedTypes()
        .Where(static type => type.GetMethods().Any(static method => method.GetCustomAttribute<BenchmarkAttribute>() is not null))
        .OrderBy(static type => type.Name, StringComparer.Ordinal);

    private static IEnumerable<string> Failures(IEnumerable<BenchmarkRunInfo> suites, IReadOnlyCollection<Summary> summaries)
    {
        foreach (var error in summaries.SelectMany(static summary => summary.ValidationErrors).Where(static error => error.IsCritical))
            yield return error.Message;
        var succeeded = summaries.SelectMany(static summary => summary.Reports).Where(static report => report.Success)
            .Select(static report => SuiteResult.Describe(report.BenchmarkCase)).ToHashSet();
        foreach (var benchmark in suites.SelectMany(static suite => suite.BenchmarksCases).Select(SuiteResult.Describe))
        {
            if (!succeeded.Contains(benchmark)) yield return benchmark;
        }
    }
}
