using MlServe.Onnx;

namespace MlServe.Hosting;

/// <summary>ONNX Runtime in the process, as a host wants it.</summary>
internal static class HostRuntime
{
    /// <summary>
    /// Sets it up. A host that asks for nothing takes the runtime as it finds it, so that several hosts in one process do not collide.
    /// </summary>
    /// <param name="options">The host's wishes.</param>
    /// <param name="key">The key by which messages name its section.</param>
    /// <exception cref="InvalidOperationException">The runtime is up already, with other options.</exception>
    public static void Configure(OnnxRuntimeOptions options, string key)
    {
        if (options is { EnableTelemetry: false, SharedThreadPoolThreads: 0, ShareArena: false }) return;
        try
        {
            OnnxRuntimeEnvironment.Configure(options);
        }
        catch (InvalidOperationException exception)
        {
            throw new InvalidOperationException($"{key}:{nameof(MlServingOptions.Runtime)}: {exception.Message}", exception);
        }
    }
}
