using System.Text.Json;
using MlServe.Onnx.Verification;

namespace MlServe.Onnx;

/// <summary>
/// The work of a tool that verifies models for hosts (<see cref="VerificationOptions.ToolPath"/>). The tool <c>mlserve</c> is made of it,
/// and a program of your own can be. A host starts the tool as <c>TOOL check --versions</c> and reads <see cref="GetVersions"/> from its
/// standard output; the exit code is 0. Then it starts <c>TOOL check --from-host</c>, writes a request and the model to its standard input,
/// and reads <see cref="GetJson"/> of the verdict as the last line. The exit code is 0 if the model loads, and 1 if it does not. A verdict
/// with another exit code is not believed, and the model is refused.
/// </summary>
/// <remarks>
/// Verifying bounds the memory and the time of the whole process, for good: call it once, in a process that does nothing else. On Linux the
/// operating system holds the process to its memory; elsewhere the host watches it. A hostile model can end the process.
/// </remarks>
public static class VerificationTool
{
    /// <summary>The first argument with which a host starts the tool.</summary>
    public const string Command = CheckTool.Command;

    /// <summary>The second argument that asks for the versions.</summary>
    public const string VersionsOption = CheckTool.VersionsOption;

    /// <summary>The second argument that has a request verified.</summary>
    public const string HostOption = CheckTool.HostOption;

    private const int MaxHeader = 16 * 1024 * 1024;

    /// <summary>The answer to <see cref="VersionsOption"/>: a line of JSON with the versions of the tool and of its ONNX Runtime.</summary>
    /// <param name="tool">The version of the tool. Verdicts that hosts keep hold for one version only.</param>
    /// <exception cref="ModelLoadException">The native runtime cannot be loaded.</exception>
    public static string GetVersions(string tool)
    {
        ArgumentException.ThrowIfNullOrEmpty(tool);
        return JsonSerializer.Serialize(new CheckVersions(tool, OnnxRuntimeEnvironment.Start()), CheckJson.Default.CheckVersions);
    }

    /// <summary>A verdict as the host reads it: a line of JSON.</summary>
    /// <param name="verdict">The verdict.</param>
    public static string GetJson(VerificationVerdict verdict)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        return JsonSerializer.Serialize(new(verdict.Failure, verdict.Message), CheckJson.Default.CheckVerdict);
    }

    /// <summary>Reads the request of a host and the model behind it, bounds this process, and tries the model.</summary>
    /// <param name="request">The host's request, to its end: the tool's standard input.</param>
    /// <param name="cancellationToken">Gives the trial up.</param>
    /// <exception cref="InvalidDataException">It does not begin with a request of a host.</exception>
    /// <exception cref="ModelLoadException">The operating system does not bind this process.</exception>
    public static async Task<VerificationVerdict> VerifyAsync(Stream request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var asked = RequestOf(await ReadLineAsync(request, cancellationToken).ConfigureAwait(false));
        ProcessLimits.Apply(asked.MaxMemoryBytes, asked.Timeout);
        using var model = new MemoryStream();
        await request.CopyToAsync(model, cancellationToken).ConfigureAwait(false);
        return await VerifyAsync(asked, model.GetBuffer().AsMemory(0, (int)model.Length), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Bounds this process, and tries the model of a file, with the defaults of <see cref="OnnxModelOptions"/>.</summary>
    /// <param name="path">The .onnx file; a relative path starts at the current directory.</param>
    /// <param name="options">How much memory and time it may take; null: the defaults. The tool and the folder are not used.</param>
    /// <param name="allowExternalData">Whether weights in other files of the model's folder are read.</param>
    /// <param name="cancellationToken">Gives the trial up.</param>
    /// <exception cref="ArgumentException">The options are out of their range.</exception>
    /// <exception cref="ModelLoadException">The file cannot be read, or the operating system does not bind this process.</exception>
    public static async Task<VerificationVerdict> VerifyAsync(
        string path, VerificationOptions? options = null, bool allowExternalData = false, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        if (string.Join(' ', options.Validate()) is { Length: > 0 } faults) throw new ArgumentException(faults, nameof(options));
        var content = await ModelSource.FromFile(path).ReadAsync(cancellationToken).ConfigureAwait(false);
        ProcessLimits.Apply(options.MaxMemoryBytes, options.Timeout);
        var request = new CheckRequest
        {
            Name = Path.GetFileNameWithoutExtension(path),
            Origin = path,
            MaxMemoryBytes = options.MaxMemoryBytes,
            Timeout = options.Timeout,
            Folder = allowExternalData ? content.Folder : null,
        };
        return await VerifyAsync(request, content.Bytes, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<VerificationVerdict> VerifyAsync(
        CheckRequest request, ReadOnlyMemory<byte> model, CancellationToken cancellationToken)
    {
        var verdict = await ModelCheck.RunAsync(request, model, cancellationToken).ConfigureAwait(false);
        return new(verdict.Failure, verdict.Message);
    }

    private static CheckRequest RequestOf(byte[] header)
    {
        try
        {
            return JsonSerializer.Deserialize(header, CheckJson.Default.CheckRequest) ?? throw NoRequest();
        }
        catch (JsonException exception)
        {
            throw NoRequest(exception);
        }
    }

    private static InvalidDataException NoRequest(Exception? inner = null) => new(
        "It does not begin with a request of a host: a line of JSON with the name, the origin and the limits, and then the model.", inner);

    private static async Task<byte[]> ReadLineAsync(Stream input, CancellationToken cancellationToken)
    {
        using var line = new MemoryStream();
        var next = new byte[1];
        while (await input.ReadAsync(next, cancellationToken).ConfigureAwait(false) == 1 && next[0] != '\n')
        {
            if (line.Length >= MaxHeader) throw NoRequest();
            line.WriteByte(next[0]);
        }

        return line.ToArray();
    }
}
