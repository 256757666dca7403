using MlServe.Quantization;
using Spectre.Console;

namespace MlServe.Cli.Output;

/// <summary>
/// Shows how far long work is: a bar for a person at a terminal, a line a stage for a file. Always to the error stream, so that results can
/// be piped.
/// </summary>
internal static class ProgressDisplay
{
    public static async Task<T> ShowAsync<T>(bool isQuiet, Func<IProgress<QuantizationProgress>?, Task<T>> work)
    {
        if (isQuiet) return await work(null);
        if (Console.IsErrorRedirected) return await work(new Lines());
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress().AutoClear(true)
            .Columns(
                new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async context =>
            {
                var bar = context.AddTask("starting", maxValue: 1);
                return await work(new Bar(bar));
            });
    }

    private sealed class Bar(ProgressTask task) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value)
        {
            task.Value = value.Share;
            task.Description = Markup.Escape(value.Message);
        }
    }

    private sealed class Lines : IProgress<QuantizationProgress>
    {
        private string _last = "";

        public void Report(QuantizationProgress value)
        {
            if (value.Message == _last) return;
            _last = value.Message;
            Console.Error.WriteLine(FormattableString.Invariant($"{value.Share * 100,3:0} % {value.Message}"));
        }
    }
}
