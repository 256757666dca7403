using System.CommandLine;
using MlServe.Quantization;

namespace MlServe.Cli.Commands;

/// <summary><c>mlserve preprocess</c>.</summary>
internal static class PreprocessCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var output = new Option<string>("--output", "-o") { HelpName = "FILE", Description = "The file to write.", Required = true };
        var opset = CommonOptions.Count(
            "--opset", "The operator set to raise the model to if its own is lower.", 13, 22, new PreprocessingOptions().Opset);
        var keep = CommonOptions.KeepWeightInputs();
        var json = CommonOptions.Json();
        var samples = new SampleOptions();
        var command = new Command(
            "preprocess",
            "Folds constants and batch normalization, raises the operator set, writes HardSwish with fewer operators. The model "
                + "computes the same.") { model, output, opset, keep, json };
        samples.AddFilesTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var source = parsed.GetValue(model)!;
            var options = new PreprocessingOptions { Opset = parsed.GetValue(opset), KeepWeightInputs = parsed.GetValue(keep) };
            var given = await samples.ReadAsync(source, parsed, cancellationToken);
            var report = await OnnxQuantizer.PreprocessAsync(source, parsed.GetValue(output)!, given, options, cancellationToken);
            await Console.Out.WriteLineAsync(parsed.GetValue(json) ? report.ToJson() : report.ToString());
            return ExitCodes.Ok;
        });
        return command;
    }
}
