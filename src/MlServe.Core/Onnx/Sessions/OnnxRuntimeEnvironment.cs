using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.OnnxRuntime;
using MlServe.Guests;

namespace MlServe.Onnx;

/// <summary>
/// ONNX Runtime's one environment in the process. It comes to life with the first model; options must be set before. Safe for concurrent
/// use.
/// </summary>
public static class OnnxRuntimeEnvironment
{
    internal const string TelemetryVariable = "ORT_DISABLE_TELEMETRY";

    private static readonly Lock Gate = new();
    private static OnnxRuntimeOptions? _configured;
    private static bool _isStarted;
    private static int _isStartedAhead;

    /// <summary>Whether there is a thread pool that models can share.</summary>
    internal static bool HasSharedThreadPool { get; private set; }

    /// <summary>Whether there is an arena that models can share.</summary>
    internal static bool HasSharedArena { get; private set; }

    /// <summary>Sets the options of the whole process. The same again is allowed at any time.</summary>
    /// <param name="options">The options; copied.</param>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The runtime is already up with other options, or others were said before.</exception>
    public static void Configure(OnnxRuntimeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Validate() is { } fault) throw new ArgumentException(fault, nameof(options));

        lock (Gate)
        {
            var current = _configured ?? (_isStarted ? new OnnxRuntimeOptions() : null);
            if (current is not null)
            {
                if (TextOf(current) == TextOf(options)) return;
                throw new InvalidOperationException(
                    "ONNX Runtime has one environment in a process, and it is already configured "
                    + $"({TextOf(current)}); {TextOf(options)} came later. "
                    + "Say it once, before the first model is loaded, and alike in every host.");
            }

            _configured = new()
            {
                EnableTelemetry = options.EnableTelemetry,
                SharedThreadPoolThreads = options.SharedThreadPoolThreads,
                ShareArena = options.ShareArena,
            };
        }
    }

    /// <summary>
    /// Waits until a session may be made. Sessions are made one at a time in the process, because several at once are not safe in all
    /// versions of the runtime. For packages that open sessions of their own; dispose it when the session is made. Blocks; a turn that
    /// takes more than 10 seconds is given on.
    /// </summary>
    /// <returns>The turn.</returns>
    [Experimental("MLSERVE001")]
    public static IDisposable TakeSessionTurn() => SessionTurn.Take();

    /// <summary>
    /// Brings the runtime up, once, as <see cref="Configure"/> has said. For packages that open sessions of their own: to be called before
    /// anything of the runtime is.
    /// </summary>
    /// <returns>The version of the native library.</returns>
    [Experimental("MLSERVE001")]
    public static string Start()
    {
        lock (Gate)
        {
            var options = _configured ?? new();

            // Before anything touches the native library: it reads the variable when it is loaded.
            if (!_isStarted && !options.EnableTelemetry) NativeEnvironment.Set(TelemetryVariable, "1");

            // Another library (ML.NET, say) may own the environment; then it is used as it is.
            if (!OrtEnv.IsCreated)
            {
                var creation = new EnvironmentCreationOptions
                {
                    logId = "MlServe",
                    logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
                };
                if (options.SharedThreadPoolThreads > 0)
                {
                    using var threading = new OrtThreadingOptions
                    {
                        GlobalIntraOpNumThreads = options.SharedThreadPoolThreads,
                        GlobalInterOpNumThreads = 1,
                        GlobalSpinControl = false,
                    };
                    creation.threadOptions = threading;
                    OrtEnv.CreateInstanceWithOptions(ref creation);
                    HasSharedThreadPool = true;
                }
                else
                {
                    OrtEnv.CreateInstanceWithOptions(ref creation);
                }

                if (options.ShareArena) MakeArena();
            }

            _isStarted = true;
            return OrtEnv.Instance().GetVersionString();
        }
    }

    /// <summary>
    /// Brings the runtime up on a thread of its own, while the first model is still being read. A failure is told to the load, which calls
    /// <see cref="Start"/> itself.
    /// </summary>
    internal static void StartAhead()
    {
        if (Interlocked.Exchange(ref _isStartedAhead, 1) == 0) Background.Forget(Background.RunLong(Start));
    }

    private static string TextOf(OnnxRuntimeOptions options) =>
        $"EnableTelemetry {options.EnableTelemetry}, SharedThreadPoolThreads {options.SharedThreadPoolThreads}, "
        + $"ShareArena {options.ShareArena}";

    private static void MakeArena()
    {
        const int RuntimesOwn = -1;
        using var memory = new OrtMemoryInfo("Cpu", OrtAllocatorType.ArenaAllocator, 0, OrtMemType.Default);
        using var arena = new OrtArenaCfg(0, RuntimesOwn, RuntimesOwn, RuntimesOwn);
        OrtEnv.Instance().CreateAndRegisterAllocator(memory, arena);
        HasSharedArena = true;
    }
}
