using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Onnx.Inspection;
using MlServe.Onnx.Probing;
using MlServe.Threading;

namespace MlServe.Onnx;

/// <summary>
/// Takes a model from its source until it can serve. It reads once, inspects that buffer, hashes it, opens the session from those bytes,
/// finds the batch axis, and warms up. A failure on the way leaves nothing behind, and work that does not end is given up.
/// </summary>
internal sealed class OnnxLoader(IModelSource source, OnnxModelOptions options, ModelLoadContext context)
{
    private readonly ILogger _logger = context.Logger;

    private string _stage = "";

    public async ValueTask<(OnnxExecutor Executor, OnnxModelDescription Description)> LoadAsync(CancellationToken cancellationToken)
    {
        var started = context.Clock.GetTimestamp();
        OnnxRuntimeEnvironment.StartAhead();
        var (content, info) = await ReadAsync(cancellationToken).ConfigureAwait(false);
        using var held = content.Held;
        var verifiedWith = await VerifyAsync(content, cancellationToken).ConfigureAwait(false);
        var loaded = await OpenAsync(content, info, verifiedWith is not null, cancellationToken).ConfigureAwait(false);
        var description = new OnnxModelDescription
        {
            Identity = loaded.Identity,
            Origin = content.Origin,
            SizeInBytes = content.Bytes.Length,
            Info = info,
            ExecutionProvider = loaded.Tried.Opened.Providers.InUse,
            ProvidersPassedOver = loaded.Tried.Opened.Providers.PassedOver,
            RuntimeVersion = loaded.RuntimeVersion,
            FromOptimizedCache = loaded.Tried.Opened.FromCache,
            FromProfile = loaded.Tried.IsRemembered,
            RowEvidence = loaded.Tried.Finding.Evidence,
            RowEvidenceNode = loaded.Tried.Finding.Node,
            RowRounding = loaded.Tried.Finding.Rounding,
            Optimization = loaded.Tried.Optimization,
            WarmUpFailure = loaded.Tried.Failure,
            LoadTime = context.Clock.GetElapsedTime(started),
        };
        if (verifiedWith is not null && verifiedWith != loaded.RuntimeVersion)
            LogMessages.VerifiedByOtherRuntime(_logger, context.Name, verifiedWith, loaded.RuntimeVersion);
        Log(description, loaded.Tried.Finding);
        return (loaded.Tried.Executor, description);
    }

    /// <summary>Does all of a load that needs no runtime: reads the model, and inspects it.</summary>
    /// <exception cref="ModelLoadException">A load would fail so, too.</exception>
    public async ValueTask<(ModelContent Content, OnnxModelInfo Info)> ReadAsync(CancellationToken cancellationToken)
    {
        var faults = options.Validate().ToList();
        if (faults.Count > 0)
            throw new ModelLoadException(
                ModelLoadFailure.InvalidOptions, $"The options of model '{context.Name}' are not valid: {string.Join(" ", faults)}");

        var forLoad = source is FileModelSource file ? file.ForLoad() : source;
        var content = await new TimedModelSource(
            forLoad, context.Name, options.LoadTimeout, context.Clock).ReadAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return (content, Check(content));
        }
        catch
        {
            content.Held?.Dispose();
            throw;
        }
    }

    /// <summary>The digest of the bytes; that of a large file is counted while other things are done.</summary>
    private static Task<string> DigestOf(ModelContent content) =>
        LargeFile.Of(content)?.Digest ?? Task.FromResult(Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)));

    private OnnxModelInfo Check(ModelContent content)
    {
        if (content.Bytes.Length > options.MaxModelBytes)
        {
            throw new ModelLoadException(ModelLoadFailure.TooLarge,
                $"Model '{context.Name}' from '{content.Origin}' has {content.Bytes.Length} bytes; MaxModelBytes allows "
                    + $"{options.MaxModelBytes}. Raise it if you trust where the model comes from.");
        }

        return Inspect(content);
    }

    /// <summary>Has the bytes tried in a place in which they can do no harm.</summary>
    /// <returns>The version of the runtime that they were tried with; null: they were not.</returns>
    private async ValueTask<string?> VerifyAsync(ModelContent content, CancellationToken cancellationToken)
    {
        if (content.Verified is null && options.Verify != ModelVerification.InChildProcess) return null;
        var digest = await DigestOf(content).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (content.Verified is { } verified && verified.Digest == digest) return verified.Runtime;
        return options.Verify == ModelVerification.InChildProcess
            ? await ModelVerifier.VerifyAsync(content, digest, options, context, _logger, cancellationToken).ConfigureAwait(false)
            : null;
    }

    /// <summary>Opens, tries and warms up a model on a thread of its own, and gives that up if it does not end.</summary>
    private async ValueTask<Loaded> OpenAsync(
        ModelContent content, OnnxModelInfo info, bool isVerified, CancellationToken cancellationToken)
    {
        if (!isVerified && AbandonedCalls.Count >= AbandonedCalls.Limit)
        {
            throw new ModelLoadException(ModelLoadFailure.NotVerified,
                $"Model '{context.Name}' is not loaded: {AbandonedCalls.Count} threads of this process are in calls of the native runtime "
                + "that never returned, for models loaded before. "
                + "From now on only models are loaded that were verified in a process of their own (OnnxModelOptions.Verify = "
                + "InChildProcess). Restart the process to get its threads back.");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var timeout = UrgentCancel.After(stop, options.LoadTimeout, context.Clock);
        using var call = new BoundedCall<Loaded>(
            token => Open(content, info, token), static late => late.Tried.Opened.Session.Retire(), Returned, stop.Token);
        try
        {
            var (hasReturned, loaded) = await call.RunAsync($"MlServe load of {context.Name}", context.Clock).ConfigureAwait(false);
            if (hasReturned) return loaded;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw TimedOut(content.Origin, "It was stopped.");
        }

        LogMessages.NativeCallAbandoned(_logger, context.Name, _stage, AbandonedCalls.Add(), AbandonedCalls.Limit);
        cancellationToken.ThrowIfCancellationRequested();
        throw TimedOut(content.Origin, "It does not heed being told to stop either: its thread is lost until the process ends.");
    }

    /// <summary>Told by the thread of a call that was given up.</summary>
    private void Returned() => LogMessages.NativeCallReturned(_logger, context.Name, _stage, AbandonedCalls.Remove());

    private ModelLoadException TimedOut(string origin, string end) => new(ModelLoadFailure.TimedOut,
        $"Model '{context.Name}' from '{origin}' was not loaded within LoadTimeout ({options.LoadTimeout}): it was still {_stage}. {end} "
        + "Look at where the model comes from; raise OnnxModelOptions.LoadTimeout if it is known to take longer.");

    private Loaded Open(ModelContent content, OnnxModelInfo info, CancellationToken cancellationToken)
    {
        _stage = "being opened";
        using var large = LargeFile.Of(content);
        var runtimeVersion = StartRuntime(content.Origin);
        var study = new GraphStudy(content.Bytes, cancellationToken);

        // Who waits for this may give it up, and let the bytes go.
        using (large?.Hold())
        {
            if (large is not null) study.Read();
        }

        study.Begin();
        var opener = new SessionOpener(content, options, context, _logger);
        try
        {
            // The digest does not cover weights in other files, so that a cache by digest would keep serving the old ones.
            var isCached = options.OptimizedModelCacheFolder is not null && info.ExternalData.Count == 0;
            if (large is not null && !isCached) opener.OpenAhead(cancellationToken);
            var identity = new ModelIdentity(context.Name, context.Version, DigestOf(content).GetAwaiter().GetResult());
            var cache = isCached
                ? new OptimizedModelCache(
                    identity.Digest, runtimeVersion, options, reason => LogMessages.CacheEntryUnusable(_logger, context.Name, reason))
                : null;
            var tried = new ModelTrial(
                opener, study, info, identity, options, context, stage => _stage = stage).Run(cache, cancellationToken);
            tried.Opened.Session.OnClosing(() => LogMessages.ModelClosed(_logger, identity.Name, identity.Version, identity.Digest));
            return new(tried, runtimeVersion, identity);
        }
        finally
        {
            opener.CloseAhead();
        }
    }

    private OnnxModelInfo Inspect(ModelContent content)
    {
        OnnxModelInfo info;
        try
        {
            info = OnnxInspector.Inspect(content.Bytes.Span, options.InspectionLimits);
        }
        catch (ModelLoadException exception)
        {
            throw new ModelLoadException(
                exception.Failure, $"Model '{context.Name}' from '{content.Origin}': {exception.Message}", exception);
        }

        foreach (var value in info.Inputs.Concat(info.Outputs))
        {
            if (SignatureReader.FindUnsupported(value.Type) is { } type)
                throw SignatureReader.Unsupported(value.Name, type.ToString().ToLowerInvariant());
        }

        if (info.ExternalData.Count > 0 && !options.AllowExternalData)
        {
            var first = info.ExternalData[0];
            throw new ModelLoadException(ModelLoadFailure.ExternalData,
                $"Model '{context.Name}' from '{content.Origin}' keeps weights in other files ('{first.TensorName}' in "
                + $"'{first.Location}', {info.ExternalData.Count} in all). "
                + "That is refused unless OnnxModelOptions.AllowExternalData is set, because the model's digest does not cover them; or "
                + "save the model with its weights inside.");
        }

        if (info.ExternalData.Count > 0) ExternalFiles.Check(info, content, context.Name);
        return info;
    }

    private static string StartRuntime(string origin)
    {
        try
        {
            return OnnxRuntimeEnvironment.Start();
        }
        catch (Exception exception) when (OrtErrors.FindMissingLibrary(exception) is not null || OrtErrors.IsOlderRuntime(exception))
        {
            throw OrtErrors.ToLoadException(exception, origin);
        }
    }

    private void Log(OnnxModelDescription description, BatchAxisFinding finding)
    {
        foreach (var reason in description.ProvidersPassedOver)
            LogMessages.ProviderPassedOver(_logger, context.Name, reason);
        LogMessages.ModelLoaded(_logger, context.Name, context.Version, description.Identity.Digest, description.ExecutionProvider,
            description.LoadTime.TotalMilliseconds, finding.Signature, finding.Signature.BatchingNote);
        if (description.WarmUpFailure is { } failure) LogMessages.WarmUpFailed(_logger, context.Name, failure);
        if (!finding.Signature.AnswersAreRepeatable) LogMessages.AnswersNotRepeatable(_logger, context.Name, finding.Reason);
        else if (finding.Warning is { } warning) LogMessages.StatedAxisDoubted(_logger, context.Name, warning);
    }

    private sealed record Loaded(TriedModel Tried, string RuntimeVersion, ModelIdentity Identity);
}
