using System.CommandLine;
using MlServe.Cli.Output;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary><c>mlserve analyze</c>.</summary>
internal static class AnalyzeCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var json = CommonOptions.Json();
        var samples = new SampleOptions();
        var choices = new QuantizeChoices();
        var command = new Command(
            "analyze", "Quantizes one node at a time and tells the effect of each on the answers, the most harmful first. Writes no model.")
        {
            model, json,
        };
        samples.AddTo(command);
        choices.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var source = parsed.GetValue(model)!;
            var options = await samples.ApplyAsync(choices.Apply(parsed), source, parsed, cancellationToken);
            var report = await ProgressDisplay.ShowAsync(
                parsed.GetValue(json),
                progress => OnnxQuantizer.AnalyzeAsync(source, options with { Progress = progress }, cancellationToken));
            await Console.Out.WriteLineAsync(parsed.GetValue(json) ? report.ToJson() : report.ToString());
            return ExitCodes.Ok;
        });
        return command;
    }
}
