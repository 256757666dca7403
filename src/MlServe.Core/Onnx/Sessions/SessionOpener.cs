using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>
/// Opens the sessions of one model, from its bytes or from their optimized form. Blocks; a load calls it on a thread that can be given up.
/// </summary>
internal sealed class SessionOpener(ModelContent content, OnnxModelOptions options, ModelLoadContext context, ILogger logger)
{
    private readonly LargeFile? _large = LargeFile.Of(content);
    private OpenedModel? _ahead;
    private byte[]? _array;

    private string? Folder => options.AllowExternalData ? content.Folder : null;

    /// <summary>Opens the model's own bytes now; <see cref="Open(OptimizedModelCache?, CancellationToken)"/> hands it out.</summary>
    public void OpenAhead(CancellationToken cancellationToken) => _ahead = Open(null, null, cancellationToken);

    /// <summary>Closes a model that was opened ahead and is not wanted.</summary>
    public void CloseAhead() => Interlocked.Exchange(ref _ahead, null)?.Session.Retire();

    /// <param name="cache">The store of optimized models; null: they are not kept.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="ModelLoadException">The runtime does not open it.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public OpenedModel Open(OptimizedModelCache? cache, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _ahead, null) is { } ahead) return ahead;
        if (cache?.TryRead(cancellationToken) is { } optimized)
        {
            try
            {
                _large?.Dispose();
                return Open(optimized, null, cancellationToken);
            }
            catch (ModelLoadException exception) when (exception.Failure != ModelLoadFailure.ExecutionProviderMissing)
            {
                LogMessages.CacheEntryUnusable(logger, context.Name, exception.Message);
                cache.Forget();
            }
        }

        return Open(null, cache, cancellationToken);
    }

    /// <summary>Opens the model's own bytes with another optimization than the options say.</summary>
    public OpenedModel Open(GraphOptimization optimization, CancellationToken cancellationToken) =>
        Open(null, null, cancellationToken, optimization);

    private OpenedModel Open(
        byte[]? optimized, OptimizedModelCache? writeTo, CancellationToken cancellationToken, GraphOptimization? optimization = null)
    {
        using var written = writeTo?.Prepare();
        var sessions = new List<InferenceSession>();
        try
        {
            ProviderSelection providers;
            using (var first = SessionOptionsFactory.Create(options, Folder, out providers, out var sharesPool, optimization))
            {
                if (options.UseSharedThreadPool && !sharesPool) LogMessages.NoSharedThreadPool(logger, context.Name);
                if (written is not null) first.OptimizedModelFilePath = written.Path;
                sessions.Add(NewSession(optimized, first, cancellationToken));
            }

            if (written is not null) writeTo!.Keep(written);
            while (sessions.Count < options.Sessions)
            {
                using var more = SessionOptionsFactory.Create(options, Folder, out _, out _, optimization);
                sessions.Add(NewSession(optimized, more, cancellationToken));
            }

            providers = providers with { InUse = InUse(sessions[0], providers.InUse) };
            return new(new(sessions, providers.InUse == ProviderNames.Of(ExecutionProvider.Cpu)), providers, optimized is not null);
        }
        catch (Exception exception)
        {
            foreach (var session in sessions)
                session.Dispose();
            if (exception is ModelLoadException or OutOfMemoryException or OperationCanceledException) throw;
            if (cancellationToken.IsCancellationRequested && OrtErrors.IsLoadCancelled(exception))
                throw new OperationCanceledException(cancellationToken);
            throw ToLoadException(exception);
        }
    }

    private InferenceSession NewSession(byte[]? optimized, SessionOptions sessionOptions, CancellationToken cancellationToken)
    {
        if (optimized is not null) sessionOptions.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        else _large?.Prepare(cancellationToken);
        using var turn = SessionTurn.Take(context.TimeProvider, cancellationToken);
        using var registration = cancellationToken.UnsafeRegister(
            static options => ((SessionOptions)options!).SetLoadCancellationFlag(true), sessionOptions);
        if (optimized is not null) return new(optimized, sessionOptions);
        if (_large is null) return new(_array ??= ArrayOf(content.Bytes), sessionOptions);

        // Weights in other files are looked for beside the model, and a pipe is in no folder.
        return _large.Open(
            Folder is null ? path => new InferenceSession(path, sessionOptions) : null,
            bytes => new InferenceSession(bytes, sessionOptions), cancellationToken);
    }

    private ModelLoadException ToLoadException(Exception exception) =>
        exception.Message.Contains("Unregistered TensorElementType", StringComparison.OrdinalIgnoreCase)
            ? new(ModelLoadFailure.UnsupportedType,
                $"Model '{content.Origin}' has an input or output of a type that ONNX Runtime's C# API does not take "
                + "(8-bit and smaller floats, 4-bit and smaller integers, complex). Put a Cast to float, an integer or another "
                + "plain type into the model.",
                exception)
            : WithOrigin(OrtErrors.ToLoadException(exception, content.Origin));

    private ModelLoadException WithOrigin(ModelLoadException exception) =>
        _large?.PipePath is { } pipe && exception.Message.Contains(pipe, StringComparison.Ordinal)
            ? new(exception.Failure, exception.Message.Replace(pipe, content.Origin, StringComparison.Ordinal), exception.InnerException)
            : exception;

    /// <summary>The runtime copies the bytes; only memory that is not a whole array has to be copied for it.</summary>
    private static byte[] ArrayOf(ReadOnlyMemory<byte> bytes) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0
            && segment.Count == segment.Array!.Length
            ? segment.Array
            : bytes.ToArray();

    /// <summary>The provider that was asked for first and could be had; if the choice was the runtime's, the one that it made.</summary>
    private static string InUse(InferenceSession session, string provider)
    {
        if (provider != ProviderNames.Of(ExecutionProvider.Auto)) return provider;
        foreach (var device in session.GetEpDeviceForInputs())
        {
            if (device is not null) return device.EpName;
        }

        return ProviderNames.Of(ExecutionProvider.Cpu);
    }
}
