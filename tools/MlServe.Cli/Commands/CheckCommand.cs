using System.CommandLine;
using MlServe.Onnx;

namespace MlServe.Cli.Commands;

/// <summary>
/// <c>mlserve check</c>: loads a model, finds its batch axis and warms it up, in this process, whose memory and time are bounded first.
/// </summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var model = new Argument<string?>("MODEL") { Description = "The .onnx file.", Arity = ArgumentArity.ZeroOrOne };
        var memory = CommonOptions.Count("--memory", "The most memory that it may take, in MiB.", 128, 1_048_576, 4096);
        var seconds = CommonOptions.Count("--seconds", "The most time that it may take, in seconds.", 1, 86_400, 120);
        var json = CommonOptions.Json();
        var externalData = new Option<bool>("--external-data") { Description = "Allow weights in other files of the model's folder." };
        var versions = new Option<bool>(VerificationTool.VersionsOption)
        {
            Description = "Print only the versions of the tool and of its runtime, as JSON.",
        };
        var fromHost = new Option<bool>(VerificationTool.HostOption)
        {
            Description = "Read request and model from the standard input.",
            Hidden = true,
        };
        var command = new Command(
            VerificationTool.Command,
            "Loads a model, tries it and warms it up in a process of its own, whose memory and time are bounded.")
        {
            model, memory, seconds, externalData, json, versions, fromHost,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(versions)) return PrintVersions();
            if (parsed.GetValue(fromHost)) return await CheckForHostAsync(cancellationToken);
            var path = parsed.GetValue(model) ?? throw new CliException("No model was named. Give the path of an .onnx file.");
            var options = new VerificationOptions
            {
                MaxMemoryBytes = parsed.GetValue(memory) * 1024L * 1024,
                Timeout = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            };
            var verdict = await VerificationTool.VerifyAsync(path, options, parsed.GetValue(externalData), cancellationToken);
            if (parsed.GetValue(json)) Console.WriteLine(VerificationTool.GetJson(verdict));
            else if (verdict.Failure is { } failure) Console.Error.WriteLine($"refused, {failure}: {verdict.Message}");
            else Console.WriteLine($"loads. {verdict.Message}");
            return verdict.Failure is null ? ExitCodes.Ok : ExitCodes.Refused;
        });
        return command;
    }

    private static int PrintVersions()
    {
        Console.WriteLine(VerificationTool.GetVersions(ToolVersion.Text));
        return ExitCodes.Ok;
    }

    private static async Task<int> CheckForHostAsync(CancellationToken cancellationToken)
    {
        await using var input = Console.OpenStandardInput();
        try
        {
            var verdict = await VerificationTool.VerifyAsync(input, cancellationToken);
            Console.WriteLine(VerificationTool.GetJson(verdict));
            return verdict.Failure is null ? ExitCodes.Ok : ExitCodes.Refused;
        }
        catch (InvalidDataException exception)
        {
            throw new CliException(
                "The standard input does not begin with a request. To check a file, name it: mlserve check MODEL.", exception);
        }
    }
}
