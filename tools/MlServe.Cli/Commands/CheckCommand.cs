using System.CommandLine;
using System.Text.Json;
using MlServe.Cli.Checking;
using MlServe.Onnx;
using MlServe.Onnx.Verification;

namespace MlServe.Cli.Commands;

/// <summary>
/// <c>mlserve check</c>: loads a model, finds its batch axis and warms it up, in this process, whose memory and time are bounded first.
/// </summary>
internal static class CheckCommand
{
    private const int MaxHeader = 16 * 1024 * 1024;

    public static Command Create()
    {
        var model = new Argument<string?>("MODEL") { Description = "The .onnx file.", Arity = ArgumentArity.ZeroOrOne };
        var memory = CommonOptions.Count("--memory", "The most memory that it may take, in MiB.", 128, 1_048_576, 4096);
        var seconds = CommonOptions.Count("--seconds", "The most time that it may take, in seconds.", 1, 86_400, 120);
        var json = CommonOptions.Json();
        var externalData = new Option<bool>("--external-data") { Description = "Allow weights in other files of the model's folder." };
        var versions = new Option<bool>(CheckTool.VersionsOption)
        {
            Description = "Print only the versions of the tool and of its runtime, as JSON.",
        };
        var fromHost = new Option<bool>(CheckTool.HostOption)
        {
            Description = "Read request and model from the standard input.",
            Hidden = true,
        };
        var command = new Command(
            CheckTool.Command,
            "Loads a model, tries it and warms it up, where it can do no harm: in a process of its own, whose memory and time are bounded.")
        {
            model, memory, seconds, externalData, json, versions, fromHost,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(versions)) return PrintVersions();
            if (parsed.GetValue(fromHost)) return await CheckForHostAsync(cancellationToken);
            var path = parsed.GetValue(model) ?? throw new CliException("No model was named. Give the path of an .onnx file.");
            var request = new CheckRequest
            {
                Name = Path.GetFileNameWithoutExtension(path),
                Origin = path,
                MaxMemoryBytes = parsed.GetValue(memory) * 1024L * 1024,
                Timeout = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            };
            return await CheckFileAsync(path, request, parsed.GetValue(externalData), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    private static int PrintVersions()
    {
        Console.WriteLine(JsonSerializer.Serialize(
            new(CheckVersion.Tool, OnnxRuntimeEnvironment.Start()), CheckJson.Default.CheckVersions));
        return ExitCodes.Ok;
    }

    private static async Task<int> CheckFileAsync(
        string path, CheckRequest request, bool isExternalAllowed, bool isJson, CancellationToken cancellationToken)
    {
        var content = await ModelSource.FromFile(path).ReadAsync(cancellationToken);
        ProcessLimits.Apply(request.MaxMemoryBytes, request.Timeout);
        var verdict = await ModelCheck.RunAsync(
            request with { Folder = isExternalAllowed ? content.Folder : null }, content.Bytes, cancellationToken);
        if (isJson) Console.WriteLine(JsonSerializer.Serialize(verdict, CheckJson.Default.CheckVerdict));
        else if (verdict.Failure is { } failure) Console.Error.WriteLine($"refused, {failure}: {verdict.Message}");
        else Console.WriteLine($"loads. {verdict.Message}");
        return verdict.Failure is null ? ExitCodes.Ok : ExitCodes.Refused;
    }

    private static async Task<int> CheckForHostAsync(CancellationToken cancellationToken)
    {
        await using var input = Console.OpenStandardInput();
        var header = await ReadLineAsync(input, cancellationToken);
        var request = RequestOf(header);
        ProcessLimits.Apply(request.MaxMemoryBytes, request.Timeout);
        using var model = new MemoryStream();
        await input.CopyToAsync(model, cancellationToken);
        var verdict = await ModelCheck.RunAsync(request, model.GetBuffer().AsMemory(0, (int)model.Length), cancellationToken);
        Console.WriteLine(JsonSerializer.Serialize(verdict, CheckJson.Default.CheckVerdict));
        return verdict.Failure is null ? ExitCodes.Ok : ExitCodes.Refused;
    }

    private static CheckRequest RequestOf(byte[] header)
    {
        try
        {
            return JsonSerializer.Deserialize(header, CheckJson.Default.CheckRequest) ?? throw NoRequest();
        }
        catch (JsonException)
        {
            throw NoRequest();
        }
    }

    private static CliException NoRequest() =>
        new("The standard input does not begin with a request. To check a file, name it: mlserve check MODEL.");

    private static async Task<byte[]> ReadLineAsync(Stream input, CancellationToken cancellationToken)
    {
        var line = new MemoryStream();
        var next = new byte[1];
        while (await input.ReadAsync(next, cancellationToken) == 1 && next[0] != '\n')
        {
            if (line.Length >= MaxHeader) throw NoRequest();
            line.WriteByte(next[0]);
        }

        return line.ToArray();
    }
}
