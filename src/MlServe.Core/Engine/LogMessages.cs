using Microsoft.Extensions.Logging;

namespace MlServe;

/// <summary>
/// Everything that MlServe logs, under the category <see cref="MlServeDiagnostics.LogCategory"/>. Event ids are stable: 1000-1999
/// monitoring, 2000-2999 loading, 3000-3999 batching, 4000-4999 hosting, 5000-5999 caching, 6000-6999 resilience, 7000-7999 quantizing;
/// docs/observability.md lists them. No message holds the elements of an input or an output.
/// </summary>
internal static partial class LogMessages
{
    [LoggerMessage(1000, LogLevel.Error, "Model '{Model}' failed with {Code}: {Reason} ({Suppressed} more of its kind were not logged.)")]
    public static partial void PredictionFailed(
        ILogger logger, Exception? exception, string model, PredictionErrorCode code, string reason, long suppressed);

    [LoggerMessage(1001, LogLevel.Error,
        "Model '{Model}' threw instead of returning a status; some predictor or callback in its pipeline breaks the contract of "
        + "IPredictor. ({Suppressed} more of its kind were not logged.)")]
    public static partial void PredictionThrew(ILogger logger, Exception exception, string model, long suppressed);

    [LoggerMessage(2000, LogLevel.Information,
        "Loaded model '{Model}' version {Version} (SHA-256 {Digest}) on {Provider} in {ElapsedMilliseconds:F1} ms: "
        + "{Signature}. {BatchingNote}")]
    public static partial void ModelLoaded(
        ILogger logger, string model, string version, string digest, string provider, double elapsedMilliseconds, ModelSignature signature,
        string batchingNote);

    [LoggerMessage(2001, LogLevel.Warning, "Model '{Model}' goes on with the next execution provider: {Reason}")]
    public static partial void ProviderPassedOver(ILogger logger, string model, string reason);

    [LoggerMessage(2002, LogLevel.Information, "Closed model '{Model}' version {Version} (SHA-256 {Digest})")]
    public static partial void ModelClosed(ILogger logger, string model, string version, string digest);

    [LoggerMessage(2003, LogLevel.Warning,
        "Model '{Model}' asks for the shared thread pool, and there is none: OnnxRuntimeOptions.SharedThreadPoolThreads was not set "
        + "before the first model, or another library made the runtime's environment. The model uses threads of its own.")]
    public static partial void NoSharedThreadPool(ILogger logger, string model);

    [LoggerMessage(
        2004, LogLevel.Warning,
        "Model '{Model}': what lies in the cache of optimized models is not taken, and the model is optimized anew: {Reason}")]
    public static partial void CacheEntryUnusable(ILogger logger, string model, string reason);

    [LoggerMessage(
        2020, LogLevel.Warning,
        "Model '{Model}': {Reason} UseBatching runs requests of several callers together all the same only where it is told to "
        + "(AcceptDependentRowsOf)")]
    public static partial void StatedAxisDoubted(ILogger logger, string model, string reason);

    [LoggerMessage(2021, LogLevel.Warning,
        "Model '{Model}' answers one row differently from time to time: {Reason} Its requests are not run together, and its answers are "
        + "neither kept nor shared. Export it for inference, not for training")]
    public static partial void AnswersNotRepeatable(ILogger logger, string model, string reason);

    [LoggerMessage(2022, LogLevel.Warning, "Model '{Model}' is loaded, and may not work: {Reason}")]
    public static partial void WarmUpFailed(ILogger logger, string model, string reason);

    [LoggerMessage(2040, LogLevel.Error,
        "Model '{Model}': a call of the native runtime did not return after it was told to stop, and is given up; the model was {Stage}. "
        + "{Count} threads of the process are lost so; "
        + "from {Limit} on, models that were not verified in a process of their own are refused")]
    public static partial void NativeCallAbandoned(ILogger logger, string model, string stage, int count, int limit);

    [LoggerMessage(
        2041, LogLevel.Warning,
        "Model '{Model}': a call of the native runtime that was given up has returned after all; the model was {Stage}. {Count} are left")]
    public static partial void NativeCallReturned(ILogger logger, string model, string stage, int count);

    [LoggerMessage(
        2042, LogLevel.Information,
        "Model '{Model}' (SHA-256 {Digest}) was tried in a process of its own and loads there: {Tool} {ToolVersion}, ONNX Runtime "
        + "{RuntimeVersion}")]
    public static partial void ModelVerified(
        ILogger logger, string model, string digest, string tool, string toolVersion, string runtimeVersion);

    [LoggerMessage(2043, LogLevel.Warning,
        "Model '{Model}' was tried with ONNX Runtime {ToolRuntime}, and this process runs {Runtime}: it may fare otherwise here. Install "
        + "the tool of the application's version")]
    public static partial void VerifiedByOtherRuntime(ILogger logger, string model, string toolRuntime, string runtime);

    [LoggerMessage(2044, LogLevel.Warning, "Model '{Model}': verdicts are not kept in '{Folder}', because {Problem}")]
    public static partial void VerdictsNotKept(ILogger logger, string model, string folder, string problem);

    [LoggerMessage(2060, LogLevel.Information,
        "Model '{Model}' was not tried with NaN and infinities in all of its inputs, which would have taken too long: {Inputs} take "
        + "finite numbers only. Onnx:NonFiniteInputs says otherwise")]
    public static partial void NonFiniteUntried(ILogger logger, string model, string inputs);

    [LoggerMessage(3000, LogLevel.Warning,
        "Batching was asked for model '{Model}', and its requests are run one row at a time: {Reason}")]
    public static partial void NotBatched(ILogger logger, string model, string reason);

    [LoggerMessage(3001, LogLevel.Error,
        "Model '{Model}' version {Version} is batched no more, until it is loaded again: a row that was answered in a batch of {Rows} was "
        + "run again alone, and {Reason}. "
        + "Answers given in batches so far may differ from those alone. Set OnnxModelOptions.BatchDetection to None, or raise "
        + "BatchTolerance where it is rounding")]
    public static partial void BatchingStopped(ILogger logger, string model, string version, int rows, string reason);

    [LoggerMessage(
        4007, LogLevel.Warning,
        "The warm-up of model {Model} has failed or taken too long. The model is ready, and its first predictions may be slow")]
    public static partial void WarmUpEnded(ILogger logger, Exception exception, string model);

    [LoggerMessage(5000, LogLevel.Information,
        "The cache of model '{Model}' switches itself off: at a hit rate of {HitRate:P2} it saves {SavedMicroseconds:F2} us a request and "
        + "costs {CostMicroseconds:F2} us. It is tried again in {Pause}")]
    public static partial void CacheOff(
        ILogger logger, string model, double hitRate, double savedMicroseconds, double costMicroseconds, TimeSpan pause);

    [LoggerMessage(5001, LogLevel.Information,
        "The cache of model '{Model}' pays again and stays on: at a hit rate of {HitRate:P2} it saves {SavedMicroseconds:F2} us a request "
        + "and costs {CostMicroseconds:F2} us")]
    public static partial void CacheOn(ILogger logger, string model, double hitRate, double savedMicroseconds, double costMicroseconds);

    [LoggerMessage(5002, LogLevel.Warning, "The cache of model '{Model}' leaves the HybridCache alone for {Pause}: {Reason}")]
    public static partial void SecondLevelPaused(ILogger logger, Exception? exception, string model, TimeSpan pause, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "The cache of model '{Model}' could not keep an answer; the caller has it. This is said once")]
    public static partial void CacheCouldNotKeep(ILogger logger, Exception exception, string model);

    [LoggerMessage(5004, LogLevel.Warning,
        "A cache was asked for model '{Model}', and is off: the model does not answer equal requests alike. Leave UseCache out, or accept "
        + "it (AcceptVaryingAnswersOf)")]
    public static partial void CacheNotUsed(ILogger logger, string model);

    [LoggerMessage(6000, LogLevel.Warning, "The circuit of model '{Model}' version {Version} is open for {Break}: {Reason}")]
    public static partial void CircuitOpened(
        ILogger logger, Exception? exception, string model, string version, TimeSpan @break, string reason);

    [LoggerMessage(
        6001, LogLevel.Information,
        "The circuit of model '{Model}' version {Version} is half open: requests try whether the model answers again")]
    public static partial void CircuitHalfOpened(ILogger logger, string model, string version);

    [LoggerMessage(6002, LogLevel.Information, "The circuit of model '{Model}' version {Version} is closed")]
    public static partial void CircuitClosed(ILogger logger, string model, string version);

    [LoggerMessage(
        6003, LogLevel.Warning, "The circuit of model '{Model}' version {Version} was opened by hand, until it is closed by hand")]
    public static partial void CircuitIsolated(ILogger logger, string model, string version);

    [LoggerMessage(6004, LogLevel.Error, "{What} of model '{Model}' threw; the request goes on without it. This is said once")]
    public static partial void ResilienceCallbackThrew(ILogger logger, Exception exception, string what, string model);

    [LoggerMessage(6005, LogLevel.Warning,
        "Model '{Model}' version {Version} failed {Count} request(s) and answers a row that is known to be good as it should: the "
        + "requests are to blame, and the circuit does not count them. The last: {Reason}")]
    public static partial void RequestsToBlame(ILogger logger, string model, string version, int count, string reason);

    [LoggerMessage(6010, LogLevel.Warning,
        "Faults are injected into model '{Model}': latency at a rate of {LatencyRate}, failures at {FailureRate}, invalid outputs at "
        + "{InvalidOutputRate}. Set Chaos:Enabled to false to end this")]
    public static partial void ChaosEnabled(ILogger logger, string model, double latencyRate, double failureRate, double invalidOutputRate);
}
