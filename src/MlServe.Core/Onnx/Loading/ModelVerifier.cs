using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using MlServe.Onnx.Files;
using MlServe.Onnx.Verification;

namespace MlServe.Onnx;

/// <summary>Has a model loaded and tried in a process of its own, and tells the result.</summary>
internal static class ModelVerifier
{
    private const int MaxErrorText = 600;

    /// <summary>By the system, as a rule, which is short of memory.</summary>
    private const int KilledFromOutside = 137;

    /// <returns>The version of the runtime that it was tried with.</returns>
    /// <exception cref="ModelLoadException">The model does not load there, brings the process down, or there is no tool to try it
    /// with.</exception>
    public static async Task<string> VerifyAsync(
        ModelContent content, string digest, OnnxModelOptions options, ModelLoadContext context, ILogger logger,
        CancellationToken cancellationToken)
    {
        var verification = options.Verification;
        var tool = await CheckTool.FindAsync(verification.ToolPath, cancellationToken).ConfigureAwait(false);
        var request = RequestOf(content, options, context.Name);
        var folder = FolderOf(verification, context.Name, logger);
        var key = VerdictStore.KeyOf(digest, tool.Versions, request);
        var verdict = VerdictStore.Find(key, folder);
        if (verdict is null)
        {
            verdict = await CheckAsync(tool, content, request, verification, context.TimeProvider, cancellationToken).ConfigureAwait(false);

            // Weights in other files may be others the next time. A refusal may be of the moment, but for one that brought the process
            // down.
            if (request.Folder is null && !verdict.IsOfTheMoment && verdict.Failure is null or ModelLoadFailure.VerificationFailed)
                VerdictStore.Keep(key, verdict, folder);
            if (verdict.Failure is null)
                LogMessages.ModelVerified(logger, context.Name, digest, tool.Path, tool.Versions.Tool, tool.Versions.Runtime);
        }

        if (verdict.Failure is { } failure)
            throw new ModelLoadException(
                failure,
                $"Model '{context.Name}' from '{content.Origin}' was refused by the process that tried it first: {verdict.Message}");
        return tool.Versions.Runtime;
    }

    private static async Task<CheckVerdict> CheckAsync(
        CheckTool tool, ModelContent content, CheckRequest request, VerificationOptions verification, TimeProvider time,
        CancellationToken cancellationToken)
    {
        using var process = tool.Start(CheckTool.HostOption);
        byte[] header = [.. JsonSerializer.SerializeToUtf8Bytes(request, CheckJson.Default.CheckRequest), (byte)'\n'];
        var (exitCode, output, errors) = await process.RunAsync(
            header, content.Bytes, verification.MaxMemoryBytes, verification.Timeout, time, cancellationToken).ConfigureAwait(false);
        if (exitCode is null)
        {
            return process.TookTooMuch
                ? Failed(
                    FormattableString.Invariant(
                        $"it took more than {verification.MaxMemoryBytes} bytes of memory (Verification.MaxMemoryBytes) and was killed."),
                    errors)
                : Failed($"it had not ended after {verification.Timeout} (Verification.Timeout) and was killed.", errors) with
                {
                    IsOfTheMoment = true,
                };
        }

        try
        {
            if (exitCode is 0 or 1 && JsonSerializer.Deserialize(output, CheckJson.Default.CheckVerdict) is { } verdict
                && (verdict.Failure is null) == (exitCode == 0))
                return verdict;
        }
        catch (JsonException)
        {
        }

        return Failed($"it ended with {EndOf(exitCode.Value)}.", errors) with { IsOfTheMoment = exitCode == KilledFromOutside };
    }

    private static CheckVerdict Failed(string how, string errors)
    {
        var tail = errors.Trim();
        if (tail.Length > MaxErrorText) tail = $"...{tail[^MaxErrorText..]}";
        return new(ModelLoadFailure.VerificationFailed, tail.Length == 0 ? how : $"{how} It said: {tail.ReplaceLineEndings(" ")}");
    }

    /// <summary>An exit code in words: .NET gives 128 and the signal's number if a signal ended the process.</summary>
    private static string EndOf(int exitCode)
    {
        var name = exitCode switch
        {
            132 => "SIGILL, an illegal instruction",
            134 => "SIGABRT, given up by native code",
            135 => "SIGBUS, a bad access to memory",
            136 => "SIGFPE, a division of integers",
            KilledFromOutside => "SIGKILL, killed from outside, as for memory",
            139 => "SIGSEGV, an access to memory that is not its own",
            152 => "SIGXCPU, out of processor time",
            unchecked((int)0xC0000005) => "an access violation",
            unchecked((int)0xC00000FD) => "a stack overflow",
            unchecked((int)0xC0000094) => "a division of integers by zero",
            _ => null,
        };
        return name is null || (OperatingSystem.IsWindows() && exitCode > 0)
            ? string.Create(CultureInfo.InvariantCulture, $"exit code {exitCode}, without a verdict")
            : string.Create(CultureInfo.InvariantCulture, $"{name} (exit code {exitCode})");
    }

    internal static CheckRequest RequestOf(ModelContent content, OnnxModelOptions options, string name) => new()
    {
        Name = name,
        Origin = content.Origin,
        Folder = options.AllowExternalData ? content.Folder : null,
        MaxMemoryBytes = options.Verification.MaxMemoryBytes,
        Timeout = options.Verification.Timeout,
        Optimization = options.Optimization.ToString(),
        IntraOpThreads = options.IntraOpThreads,
        IsRun = options.RunAtLoad,
        FindsBatchAxis = options.BatchDetection == BatchDetection.Probe,
        BatchAxis = options.BatchAxis,
        BatchAxes = new(options.BatchAxes.ToDictionary(), StringComparer.Ordinal),
        FreeDimensions = new(options.FreeDimensions.ToDictionary(), StringComparer.Ordinal),
        SessionEntries = new(options.SessionEntries.ToDictionary(), StringComparer.Ordinal),
        InspectionLimits = options.InspectionLimits.ToDictionary(),
        WarmUpRows = [.. options.WarmUpRows],
        WarmUpRuns = options.WarmUpRuns,
    };

    private static SealedFolder? FolderOf(VerificationOptions verification, string model, ILogger logger)
    {
        if (verification.VerdictFolder is not { } path) return null;
        try
        {
            var folder = new SealedFolder(path, verification.SealKeyFile);
            if (folder.Problem is { } problem) LogMessages.VerdictsNotKept(logger, model, path, problem);
            return folder;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelLoadException(
                ModelLoadFailure.InvalidOptions, $"Verification.VerdictFolder is '{path}', which cannot be used: {exception.Message}",
                exception);
        }
    }
}
