namespace MlServe.Onnx;

/// <summary>
/// The options of ONNX Runtime in the whole process; set before the first model is loaded, by
/// <see cref="OnnxRuntimeEnvironment.Configure"/>.
/// </summary>
public sealed class OnnxRuntimeOptions
{
    /// <summary>
    /// Whether the native runtime may send telemetry to its makers, as version 1.29 and later does by default on Linux and macOS. Default:
    /// false, because that is the application's decision.
    /// </summary>
    public bool EnableTelemetry { get; set; }

    /// <summary>
    /// Threads of one pool that all models with <see cref="OnnxModelOptions.UseSharedThreadPool"/> share, 0 to 1024; 0: no such pool.
    /// Default: 0.
    /// </summary>
    public int SharedThreadPoolThreads { get; set; }

    /// <summary>
    /// Whether models share one arena of working memory on the processor. An arena keeps the memory of the largest run for ever. One for
    /// each model takes the sum of all peaks; a shared one takes the peak of the runs at a time. Default: false, because runs at the same
    /// time wait for each other in it, which costs a tenth or more of the throughput of small models. Turn it on for many models. Models
    /// without <see cref="OnnxModelOptions.UseArena"/> take no part. Without effect if another library has brought the runtime up.
    /// </summary>
    public bool ShareArena { get; set; }

    /// <summary>The fault of the values, or null if there is none.</summary>
    public string? Validate() => SharedThreadPoolThreads is < 0 or > 1024
        ? $"{nameof(SharedThreadPoolThreads)} is {SharedThreadPoolThreads}; it must be 0 to 1024."
        : null;
}
