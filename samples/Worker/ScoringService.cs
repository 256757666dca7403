using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Spectre.Console;

namespace MlServe.Samples.Worker;

/// <summary>Scores the file in the background, shows how far it is, and stops the host when it is done.</summary>
internal sealed class ScoringService(CsvScoring scoring, ScoringOptions options, IHostApplicationLifetime lifetime) : BackgroundService
{
    private const int ExitFailed = 1;
    private const int ExitInterrupted = 130; // as shells have it for Ctrl+C

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            if (options.Input == MnistCsv.DefaultPath) MnistCsv.Export(Path.Combine(AppContext.BaseDirectory, "assets"), options.Input);

            var clock = Stopwatch.StartNew();
            var result = Console.IsOutputRedirected ? await RunWithLinesAsync(stoppingToken) : await RunWithBarAsync(stoppingToken);
            Report(result, clock.Elapsed);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            Fail(ExitInterrupted, $"stopped: the answers so far are in {options.Partial}. Go on with --resume.");
        }
        catch (Exception exception) when (exception is BadRowException or IOException or UnauthorizedAccessException or PredictionException)
        {
            Fail(ExitFailed, $"error: {exception.Message}");
        }
        finally
        {
            lifetime.StopApplication();
        }
    }

    private async Task<ScoringProgress> RunWithLinesAsync(CancellationToken cancellationToken)
    {
        var shown = 0;
        return await scoring.RunAsync(
            progress =>
            {
                var tenth = (int)(progress.Done * 10);
                if (tenth == shown) return;
                shown = tenth;
                Console.WriteLine(FormattableString.Invariant($"{progress.Done * 100,3:0} %  {progress.Rows} rows"));
            },
            Console.Error.WriteLine,
            cancellationToken);
    }

    private async Task<ScoringProgress> RunWithBarAsync(CancellationToken cancellationToken)
    {
        var result = default(ScoringProgress);
        await AnsiConsole.Progress().StartAsync(async context =>
        {
            var bar = context.AddTask("scoring", maxValue: 1);
            result = await scoring.RunAsync(
                progress =>
                {
                    bar.Value = progress.Done;
                    bar.Description = FormattableString.Invariant($"scoring: {progress.Rows:N0} rows");
                },
                message => AnsiConsole.MarkupLineInterpolated($"[yellow]{message}[/]"),
                cancellationToken);
            bar.Value = 1;
        });
        return result;
    }

    private void Report(ScoringProgress result, TimeSpan elapsed)
    {
        Console.WriteLine(FormattableString.Invariant($"rows: {result.Rows}"));
        Console.WriteLine(FormattableString.Invariant($"skipped: {result.Skipped}"));
        if (result.Labelled > 0)
            Console.WriteLine(FormattableString.Invariant($"accuracy: {(double)result.Right / result.Labelled:0.0000}"));
        Console.WriteLine(FormattableString.Invariant($"rows_per_second: {result.Rows / elapsed.TotalSeconds:0}"));
        Console.WriteLine($"output: {options.Output}");
    }

    private static void Fail(int exitCode, string message)
    {
        Environment.ExitCode = exitCode;
        Console.Error.WriteLine(message);
    }
}
