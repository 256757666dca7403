using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx.Finite;
using MlServe.Onnx.Inspection;

namespace MlServe.Onnx;

/// <summary>
/// Takes a model from its source to the point where it can serve: read once, hash that buffer, inspect it, open the session from those bytes, find the
/// batch axis, warm up. Whatever fails on the way leaves nothing behind.
/// </summary>
internal sealed class OnnxLoader(IModelSource source, OnnxModelOptions options, ModelLoadContext context)
{
    private readonly ILogger _logger = context.LoggerFactory?.CreateLogger(MlServeDiagnostics.LogCategory) ?? NullLogger.Instance;

    public async ValueTask<(OnnxExecutor Executor, OnnxModelDescription Description)> LoadAsync(CancellationToken cancellationToken)
    {
        var faults = options.Validate().ToList();
        if (faults.Count > 0)
            throw new ModelLoadException(ModelLoadFailure.InvalidOptions, $"The options of model '{context.Name}' are not valid: {string.Join(" ", faults)}");

        var started = context.TimeProvider.GetTimestamp();
        var content = await source.ReadAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new ModelLoadException(ModelLoadFailure.NotFound, $"The source of model '{context.Name}' returned nothing.");

        var info = Inspect(content);
        var identity = new ModelIdentity(context.Name, context.Version, Convert.ToHexStringLower(SHA256.HashData(content.Bytes.Span)));
        var runtimeVersion = StartRuntime(content.Origin);
        var opened = await OpenAsync(content, info.ExternalData.Count > 0, identity.Digest, runtimeVersion, cancellationToken).ConfigureAwait(false);
        try
        {
            var declared = ReadSignature(opened.Session.Session, info);
            var probed = new BatchAxisProbe(opened.Session, declared, identity, options, RowDependence.Find(info)).Find();
            cancellationToken.ThrowIfCancellationRequested();
            var signature = TryNonFinite(opened.Session, probed, identity, cancellationToken);
            var executor = new OnnxExecutor(opened.Session, signature, identity, options);
            opened.Session.OnClosing(executor.CloseIdle);
            opened.Session.OnClosing(() => LogMessages.ModelClosed(_logger, identity.Name, identity.Version, identity.Digest));
            new WarmUp(executor, options, context.RunGate.MaxConcurrentRuns).Run(cancellationToken);

            var description = new OnnxModelDescription
            {
                Identity = identity,
                Origin = content.Origin,
                SizeInBytes = content.Bytes.Length,
                Info = info,
                ExecutionProvider = opened.Providers.InUse,
                ProvidersPassedOver = opened.Providers.PassedOver,
                RuntimeVersion = runtimeVersion,
                FromOptimizedCache = opened.FromCache,
                LoadTime = context.TimeProvider.GetElapsedTime(started),
            };
            Log(description, signature);
            return (executor, description);
        }
        catch
        {
            opened.Session.Retire();
            throw;
        }
    }

    private OnnxModelInfo Inspect(ModelContent content)
    {
        OnnxModelInfo info;
        try
        {
            info = OnnxInspector.Inspect(content.Bytes.Span);
        }
        catch (ModelLoadException exception)
        {
            throw new ModelLoadException(exception.Failure, $"Model '{context.Name}' from '{content.Origin}': {exception.Message}", exception);
        }

        foreach (var value in info.Inputs.Concat(info.Outputs))
        {
            if (SignatureReader.FindUnsupported(value.Type) is { } type) throw SignatureReader.Unsupported(value.Name, type.ToString().ToLowerInvariant());
        }

        if (info.ExternalData.Count > 0 && !options.AllowExternalData)
        {
            var first = info.ExternalData[0];
            throw new ModelLoadException(ModelLoadFailure.ExternalData,
                $"Model '{context.Name}' from '{content.Origin}' keeps weights in other files ('{first.TensorName}' in '{first.Location}', {info.ExternalData.Count} in all). "
                + "That is refused unless OnnxModelOptions.AllowExternalData is set, because the model's digest does not cover them; or save the model with its weights inside.");
        }

        if (info.ExternalData.Count > 0) ExternalFiles.Check(info, content, context.Name);
        return info;
    }

    private ModelSignature ReadSignature(InferenceSession session, OnnxModelInfo info)
    {
        try
        {
            return SignatureReader.Read(session, info);
        }
        catch (ArgumentException exception)
        {
            throw new ModelLoadException(ModelLoadFailure.InvalidGraph, $"Model '{context.Name}' cannot be served: {exception.Message}", exception);
        }
    }

    /// <summary>Finds out what the model takes, and answers, besides finite numbers.</summary>
    private ModelSignature TryNonFinite(OnnxSession session, ModelSignature probed, ModelIdentity identity, CancellationToken cancellationToken)
    {
        var executor = new OnnxExecutor(session, probed, identity, options, foreseesOutputs: false);
        try
        {
            var trials = new FinitenessTrials(executor, options, context.TimeProvider, cancellationToken);
            var signature = trials.Find(new WarmUp(executor, options, context.RunGate.MaxConcurrentRuns).FindRow());
            if (trials.Untried.Count > 0) LogMessages.NonFiniteUntried(_logger, context.Name, string.Join(", ", trials.Untried));
            return signature;
        }
        finally
        {
            executor.CloseIdle();
        }
    }

    private static string StartRuntime(string origin)
    {
        try
        {
            return OnnxRuntimeEnvironment.Start();
        }
        catch (Exception exception) when (OrtErrors.FindMissingLibrary(exception) is not null)
        {
            throw OrtErrors.ToLoadException(exception, origin);
        }
    }

    private async ValueTask<Opened> OpenAsync(
        ModelContent content, bool hasExternalData, string digest, string runtimeVersion, CancellationToken cancellationToken)
    {
        // The digest does not cover weights in other files, so that a cache by digest would keep serving the old ones.
        if (options.OptimizedModelCacheFolder is not { } folder || hasExternalData) return Open(content, content.Bytes, options, null);

        var cache = new OptimizedModelCache(folder, digest, runtimeVersion, options);
        if (await cache.TryReadAsync(cancellationToken).ConfigureAwait(false) is { } optimized)
        {
            try
            {
                return Open(content, optimized, options, null, isOptimized: true);
            }
            catch (ModelLoadException exception) when (exception.Failure != ModelLoadFailure.ExecutionProviderMissing)
            {
                LogMessages.CacheEntryUnusable(_logger, context.Name, exception.Message);
                cache.Forget();
            }
        }

        return Open(content, content.Bytes, options, cache);
    }

    private Opened Open(ModelContent content, ReadOnlyMemory<byte> bytes, OnnxModelOptions withOptions, OptimizedModelCache? writeTo, bool isOptimized = false)
    {
        string? written = null;
        try
        {
            using var sessionOptions = SessionOptionsFactory.Create(
                withOptions, withOptions.AllowExternalData ? content.Folder : null, out var providers, out var sharesPool);
            if (withOptions.UseSharedThreadPool && !sharesPool) LogMessages.NoSharedThreadPool(_logger, context.Name);
            if (isOptimized) sessionOptions.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
            written = writeTo?.WriteWith(sessionOptions);

            var model = ArrayOf(bytes);
            var sessions = new List<InferenceSession> { NewSession(model, sessionOptions) };
            if (written is not null) writeTo!.Keep(written);
            OpenMore(sessions, model, content, withOptions, isOptimized);
            providers = providers with { InUse = InUse(sessions[0], providers.InUse) };
            return new(new(sessions, providers.InUse == ProviderNames.Of(ExecutionProvider.Cpu)), providers, isOptimized);
        }
        catch (Exception exception) when (exception is not ModelLoadException and not OutOfMemoryException)
        {
            if (written is not null) OptimizedModelCache.Remove(written);
            if (exception.Message.Contains("Unregistered TensorElementType", StringComparison.OrdinalIgnoreCase))
            {
                throw new ModelLoadException(ModelLoadFailure.UnsupportedType,
                    $"Model '{content.Origin}' has an input or output of a type that ONNX Runtime's C# API does not take (8-bit and smaller floats, "
                    + "4-bit and smaller integers, complex). Put a Cast to float, an integer or another plain type into the model.", exception);
            }

            throw OrtErrors.ToLoadException(exception, content.Origin);
        }
    }

    private static void OpenMore(List<InferenceSession> sessions, byte[] model, ModelContent content, OnnxModelOptions withOptions, bool isOptimized)
    {
        try
        {
            while (sessions.Count < withOptions.Sessions)
            {
                using var options = SessionOptionsFactory.Create(withOptions, withOptions.AllowExternalData ? content.Folder : null, out _, out _);
                if (isOptimized) options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
                sessions.Add(NewSession(model, options));
            }
        }
        catch
        {
            foreach (var session in sessions)
                session.Dispose();
            throw;
        }
    }

    private static InferenceSession NewSession(byte[] model, SessionOptions options)
    {
        lock (OnnxRuntimeEnvironment.SessionCreation)
            return new(model, options);
    }

    /// <summary>The runtime copies the bytes; only memory that is not a whole array has to be copied for it.</summary>
    private static byte[] ArrayOf(ReadOnlyMemory<byte> bytes) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : bytes.ToArray();

    /// <summary>The provider that was asked for first and could be had; where the choice was the runtime's, the one that it made.</summary>
    private static string InUse(InferenceSession session, string provider)
    {
        if (provider != ProviderNames.Of(ExecutionProvider.Auto)) return provider;
        foreach (var device in session.GetEpDeviceForInputs())
        {
            if (device is not null) return device.EpName;
        }

        return ProviderNames.Of(ExecutionProvider.Cpu);
    }

    private void Log(OnnxModelDescription description, ModelSignature signature)
    {
        foreach (var reason in description.ProvidersPassedOver)
            LogMessages.ProviderPassedOver(_logger, context.Name, reason);
        LogMessages.ModelLoaded(_logger, context.Name, context.Version, description.Identity.Digest, description.ExecutionProvider,
            description.LoadTime.TotalMilliseconds, signature, signature.BatchingNote);
    }

    private readonly record struct Opened(OnnxSession Session, ProviderSelection Providers, bool FromCache);
}
