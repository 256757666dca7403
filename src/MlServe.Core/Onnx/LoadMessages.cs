using Microsoft.Extensions.Logging;

namespace MlServe.Onnx;

/// <summary>What is logged while models are loaded: events 2000 to 2999.</summary>
internal static partial class LoadMessages
{
    [LoggerMessage(2000, LogLevel.Information,
        "Model {Model} version {Version} ({Digest}) is loaded and warm on {Provider} after {Milliseconds:F0} ms. {BatchingNote}")]
    public static partial void Loaded(
        ILogger logger, string model, string version, string digest, string provider, double milliseconds, string batchingNote);

    [LoggerMessage(2001, LogLevel.Warning, "Model {Model}: {Reason} The next one is used.")]
    public static partial void ProviderPassedOver(ILogger logger, string model, string reason);

    [LoggerMessage(2002, LogLevel.Warning,
        "Model {Model} asks for the shared thread pool, and there is none: OnnxRuntimeOptions.SharedThreadPoolThreads was not set before the first model, "
        + "or another library made the runtime's environment. The model uses threads of its own.")]
    public static partial void NoSharedThreadPool(ILogger logger, string model);

    [LoggerMessage(2003, LogLevel.Warning, "Model {Model}: the optimized model in the cache folder could not be opened and is made anew. {Reason}")]
    public static partial void CacheEntryUnusable(ILogger logger, string model, string reason);
}
