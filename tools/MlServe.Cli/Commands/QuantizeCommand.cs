using System.CommandLine;
using MlServe.Cli.Output;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary><c>mlserve quantize</c>.</summary>
internal static class QuantizeCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var output = new Option<string?>("--output", "-o")
        {
            HelpName = "FILE",
            Description =
                "The file to write. Default: MODEL with .int8.onnx at its end. If nothing in it is INT8, fp32 stands in place of int8.",
        };
        var plan = new Option<FileInfo?>("--plan")
        {
            HelpName = "FILE.json",
            Description = "A plan to carry out again, as --save-plan wrote it.",
        };
        var savePlan = new Option<FileInfo?>("--save-plan")
        {
            HelpName = "FILE.json",
            Description = "The file for the plan: with it the same model comes out again, without samples.",
        };
        var report = new Option<FileInfo?>("--report") { HelpName = "FILE.json", Description = "The file for the report, as JSON." };
        var plot = new Option<FileInfo?>("--plot")
        {
            HelpName = "FILE.png",
            Description = "The file for a picture (PNG) of the candidates: speed against agreement.",
        };
        var json = CommonOptions.Json();
        var samples = new SampleOptions();
        var choices = new QuantizeChoices();
        var command = new Command(
            "quantize",
            "Makes a model smaller and faster, proves it, and refuses if it would do harm. Ends with 0 only if something is quantized, "
                + "or FP32 was asked for and made.") { model, output, plan, savePlan, report, plot, json };
        samples.AddTo(command);
        choices.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var source = parsed.GetValue(model)!;
            var destination = parsed.GetValue(output) ?? Path.ChangeExtension(source, ".int8.onnx");
            FileInfo?[] written = [parsed.GetValue(savePlan), parsed.GetValue(report), parsed.GetValue(plot)];
            var taken = new HashSet<string>(StringComparer.Ordinal) { Path.GetFullPath(source), Path.GetFullPath(destination) };
            foreach (var file in written.OfType<FileInfo>())
            {
                TextFile.Check(file);
                if (!taken.Add(file.FullName))
                    throw new CliException(
                        $"'{file.FullName}' is named twice: the source, the new model, report, plan and picture are a file each.");
            }

            var options = choices.Apply(parsed);
            if (parsed.GetValue(plan) is { } planFile) options = options with { Plan = await ReadPlanAsync(planFile, cancellationToken) };
            options = await samples.ApplyAsync(options, source, parsed, cancellationToken);
            var result = await ProgressDisplay.ShowAsync(
                parsed.GetValue(json),
                progress => OnnxQuantizer.QuantizeAsync(source, destination, options with { Progress = progress }, cancellationToken));

            if (written[0] is { } planTo) await TextFile.WriteAsync(planTo, result.Plan.ToJson());
            if (written[1] is { } reportTo) await TextFile.WriteAsync(reportTo, result.ToJson());
            if (written[2] is { } plotTo)
            {
                if (SearchPlot.Draw(result) is { } picture) await TextFile.WriteAsync(plotTo, picture);
                else await Console.Error.WriteLineAsync("note: no candidate was measured, so that there is nothing to draw.");
            }

            await Console.Out.WriteLineAsync(parsed.GetValue(json) ? result.ToJson() : result.ToString());

            return result.Passed == false || !IsWhatWasAsked(options, result) ? ExitCodes.Refused : ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>
    /// FP32 under another name counts as an answer only if it was asked for, and a script has to notice. So does the source.
    /// </summary>
    private static bool IsWhatWasAsked(QuantizationOptions options, QuantizationReport result) =>
        result.IsQuantized
        || ((options.Plan?.Method ?? options.Method) == result.Method
            && (options.Plan?.KeepsOriginal ?? false) == result.Plan.KeepsOriginal);

    private static async Task<QuantizationPlan> ReadPlanAsync(FileInfo file, CancellationToken cancellationToken)
    {
        try
        {
            return QuantizationPlan.FromJson(await File.ReadAllTextAsync(file.FullName, cancellationToken));
        }
        catch (QuantizationException exception)
        {
            throw new QuantizationException(exception.Failure, $"--plan {file}: {exception.Message}", exception);
        }
    }
}
