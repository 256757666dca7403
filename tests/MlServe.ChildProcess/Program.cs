using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MlServe;
using MlServe.Batching;
using MlServe.ChildProcess;
using MlServe.ChildProcess.BlockedPool;
using MlServe.Onnx;

// Started by tests for what a process can show but once, or what would take the tests' own process down. Prints what it saw, one fact a
// line.
var model = args.ElementAtOrDefault(1) ?? "";
switch (args.ElementAtOrDefault(0))
{
    case "telemetry-off":
        using (OnnxPredictor.Load(model)) Print("variable", ReadNative("ORT_DISABLE_TELEMETRY"));
        return 0;

    case "telemetry-on":
        OnnxRuntimeEnvironment.Configure(new() { EnableTelemetry = true });
        using (OnnxPredictor.Load(model)) Print("variable", ReadNative("ORT_DISABLE_TELEMETRY"));
        return 0;

    case "missing-native":
        try
        {
            using (OnnxPredictor.Load(model)) Print("loaded", "");
        }
        catch (ModelLoadException exception)
        {
            Print("failure", exception.Failure.ToString());
            Print("message", exception.Message.ReplaceLineEndings(" "));
        }

        return 0;

    case "shared-pool":
        OnnxRuntimeEnvironment.Configure(new() { SharedThreadPoolThreads = 3 });
        return await Pools.CountAsync(model, makeEnvironmentFirst: false).ConfigureAwait(false);

    case "shared-arena":
    case "own-arenas":
        return await Arenas.MeasureAsync(args[0] == "shared-arena").ConfigureAwait(false);

    case "batched-models":
    case "batched-models-calibrated":
        return await Arenas.MeasureBatchedAsync(static _ => { }, args[0].EndsWith("calibrated", StringComparison.Ordinal)
            ? BatchReadiness.WhenCalibrated
            : default).ConfigureAwait(false);

    case "batched-models-sessions":
        return await Arenas.MeasureBatchedAsync(static options => options.Sessions = 2).ConfigureAwait(false);

    case "own-pools":
        return await Pools.CountAsync(model, makeEnvironmentFirst: false).ConfigureAwait(false);

    case "foreign-environment":
        OnnxRuntimeEnvironment.Configure(new() { SharedThreadPoolThreads = 3 });
        return await Pools.CountAsync(model, makeEnvironmentFirst: true).ConfigureAwait(false);

    case "configure-late":
        using (OnnxPredictor.Load(model))
        {
            OnnxRuntimeEnvironment.Configure(new());
            try
            {
                OnnxRuntimeEnvironment.Configure(new() { SharedThreadPoolThreads = 2 });
            }
            catch (InvalidOperationException exception)
            {
                Print("message", exception.Message);
            }
        }

        return 0;

    case "dispose-under-load":
        await DisposeUnderLoad.RunAsync(model, int.Parse(args[2], CultureInfo.InvariantCulture)).ConfigureAwait(false);
        return 0;

    case "throwing-continuations":
        await ThrowingContinuations.RunAsync(model).ConfigureAwait(false);
        return 0;

    case "lost-threads":
        await LostThreads.RunAsync(model).ConfigureAwait(false);
        return 0;

    case "short-of-memory":
        await ShortOfMemory.RunAsync(model).ConfigureAwait(false);
        return 0;

    case "blocked-pool":
        return PoolBlocker.Run(Path.GetDirectoryName(model)!, args.ElementAtOrDefault(2) ?? "");

    case "guests":
        await MlServe.ChildProcess.Guests.GuestRun.RunAsync(model).ConfigureAwait(false);
        return 0;

    default:
        await Console.Error.WriteLineAsync($"Unknown command '{args.ElementAtOrDefault(0)}'.").ConfigureAwait(false);
        return 64;
}

static void Print(string fact, string? value) => Console.WriteLine($"{fact}={value ?? "(not set)"}");

static string? ReadNative(string name) => Marshal.PtrToStringUTF8(Native.GetEnvironmentVariable(name));
