using System.CommandLine;
using System.Globalization;
using MlServe.Benchmarks.Measurement;
using Spectre.Console;

namespace MlServe.Benchmarks.Load;

/// <summary>Load tests in the manner of MLPerf's LoadGen. Exit code: 0 passed, 1 failed, 2 wrong use, 3 void, 130 cancelled.</summary>
internal static class LoadCommand
{
    private const int WrongUse = 2;
    private const int Cancelled = 130;

    private static readonly (string Name, string Description)[] Scenarios =
    [
        ("single", "One caller who asks again when it has its answer: 90th percentile of the latency."),
        ("server", "Poisson arrivals: the highest rate at which 99 % of the requests keep the bound."),
        ("offline", "All samples at once: samples a second."),
        ("burst", "Arrivals that come in bursts, the peak rate on average: latency in bursts and between them."),
        ("peak", "0.5, 1, 1.5, 2 and 2.5 times the peak rate and back: whether the model bears twice its peak."),
    ];

    public static Command Create()
    {
        var command = new Command("load", "Load tests a model in the manner of MLPerf's LoadGen. Not an MLPerf result.");
        foreach (var (name, description) in Scenarios)
            command.Add(Scenario(name, description));
        return command;
    }

    private static Command Scenario(string name, string description)
    {
        var options = new LoadOptions();
        var command = new Command(name, description);
        foreach (var option in options.All)
            command.Add(option);
        command.SetAction(async (arguments, cancellationToken) => await RunAsync(name, options.Read(arguments), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string scenario, LoadRequestOptions options, CancellationToken cancellationToken)
    {
        var console = Wide();
        using var progress = new LoadProgress(text => Console.Error.WriteLine(text));
        try
        {
            var report = await LoadTest.RunAsync(scenario, options, progress, console, cancellationToken);
            ReportText.Print(report, console);
            if (options.Output is { } folder) ReportFiles.WriteAll(report, folder);
            if (options.Json is { } json) ReportFiles.WriteJson(report, json.FullName);
            return report.Verdict switch
            {
                LoadVerdict.Pass => 0,
                LoadVerdict.Fail => 1,
                LoadVerdict.Void => 3,
                _ => Cancelled,
            };
        }
        catch (LoadException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return WrongUse;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"The result cannot be written: {exception.Message}");
            return WrongUse;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("CANCELLED before anything was measured.");
            return Cancelled;
        }
    }

    // A table that is written to a file or a log need not fit 80 columns.
    private static IAnsiConsole Wide()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected) console.Profile.Width = 200;
        return console;
    }
}
