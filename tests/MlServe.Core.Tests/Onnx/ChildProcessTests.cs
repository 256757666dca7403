using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>What a process can show but once, or what would take the tests' own process down, seen in a process of its own.</summary>
public sealed class ChildProcessTests : IDisposable
{
    private const string Program = "MlServe.ChildProcess";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-").FullName;
    private readonly string _model;

    public ChildProcessTests()
    {
        _model = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(_model, TinyModels.Affine().ToArray());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task DisposeUnderLoad_FiftyRounds_NeverEndsTheProcessAndAnswersAll()
    {
        var facts = await RunAsync("dispose-under-load", "50");
        Assert.Equal("some", facts["answered"]);
        Assert.Equal((50 * 16).ToString(CultureInfo.InvariantCulture), facts["refused"]);
        Assert.Equal("0", facts["other"]);
    }

    [Fact]
    public async Task Load_ByDefault_TurnsTheRuntimesTelemetryOffWhereNativeCodeSeesIt() =>
        Assert.Equal("1", (await RunAsync("telemetry-off"))["variable"]);

    [Fact]
    public async Task Load_TelemetryAllowed_LeavesTheVariableAlone() =>
        Assert.Equal("(not set)", (await RunAsync("telemetry-on"))["variable"]);

    [Fact]
    public async Task Load_NoNativeRuntime_NamesThePackage()
    {
        // The program's own folder without the native library; without the list of its parts as well, which would miss it before the
        // program begins.
        var bare = Path.Combine(_folder, "bare");
        Directory.CreateDirectory(bare);
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory))
        {
            if (!file.EndsWith(".deps.json", StringComparison.Ordinal)) File.Copy(file, Path.Combine(bare, Path.GetFileName(file)));
        }

        var facts = await RunAsync("missing-native", folder: bare);
        Assert.Equal(nameof(ModelLoadFailure.NativeRuntimeMissing), facts["failure"]);
        Ask.Says(facts["message"], "dotnet add package Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxRuntime.Gpu");
    }

    [Fact]
    public async Task Load_SharedThreadPool_MakesNoThreadsForEachModel()
    {
        var shared = await RunAsync("shared-pool");
        var own = await RunAsync("own-pools");
        Assert.Equal("8", shared["answered"]);
        Assert.Equal("8", own["answered"]);
        Assert.DoesNotContain("NoSharedThreadPool", shared["events"], StringComparison.Ordinal);
        Assert.Contains("NoSharedThreadPool", own["events"], StringComparison.Ordinal);

        // Seven models more: with pools of their own three threads each, with the shared pool none; .NET's runtime starts and ends a few of
        // its own meanwhile.
        Assert.InRange(int.Parse(own["threads"], CultureInfo.InvariantCulture), (7 * 3) - 5, int.MaxValue);
        Assert.InRange(int.Parse(shared["threads"], CultureInfo.InvariantCulture), int.MinValue, 10);
    }

    [Fact]
    public async Task Load_SharedArena_KeepsThePeakOfOneModelAndNotOfEach()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The memory of the process is read from the system's own files.");
        var shared = await RunAsync("shared-arena");
        var own = await RunAsync("own-arenas");
        Assert.Equal(("16", "16"), (shared["answered"], own["answered"]));

        // Fifteen models more keep 8 MiB each of values in between.
        var saved = int.Parse(own["mebibytes"], CultureInfo.InvariantCulture)
            - int.Parse(shared["mebibytes"], CultureInfo.InvariantCulture);
        Assert.InRange(saved, 60, int.MaxValue);
    }

    [Theory]
    [InlineData("batched-models", 2600)]
    [InlineData("batched-models-calibrated", 2600)]
    [InlineData("batched-models-sessions", 4400)]
    public async Task Load_ManyModelsBehindBatchers_KeepTheMemoryOfOneRowAndNotOfTrials(string models, int kibibytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The memory of the process is read from the system's own files.");
        var facts = await RunAsync(models);
        Assert.Equal("52", facts["answered"]);

        // What trials leave is 1.2 MiB a session, and 5 MiB if batches of 64 rows were measured.
        foreach (var count in (int[])[12, 52])
        {
            var added = int.Parse(facts[$"kibibytes-to-{count}"], CultureInfo.InvariantCulture);
            Assert.InRange(added, int.MinValue, kibibytes);
        }
    }

    [Fact]
    public async Task Load_EnvironmentMadeBySomebodyElse_IsUsedAsItIs()
    {
        var facts = await RunAsync("foreign-environment");
        Assert.Equal("8", facts["answered"]);
        Assert.Contains("NoSharedThreadPool", facts["events"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Configure_AfterTheFirstModel_SaysThatItIsTooLate() =>
        Ask.Says(
            (await RunAsync("configure-late"))["message"], "SharedThreadPoolThreads 0",
            "SharedThreadPoolThreads 2, ShareArena False came later",
            "before the first model");

    [Fact]
    public async Task Batching_WaitingCodeThrows_IsUnhandledOnThePoolAndItsNeighboursAreAnswered()
    {
        var facts = await RunAsync("throwing-continuations");
        Assert.Equal("6", facts["answered"]);
        Assert.Equal("after reading|before reading", facts["unhandled"]);
    }

    [Fact]
    public async Task Load_NativeCallNeverReturns_IsGivenUpAndOthersGoOn()
    {
        var facts = await RunAsync("lost-threads");
        Assert.Equal("answers", facts["beside"]);
        Ask.Says(facts["first"], nameof(ModelLoadFailure.TimedOut), "its thread is lost", "being opened");
        Assert.Equal("answers", facts["between"]);
        Assert.Equal("cancelled", facts["cancelled"]);
        Ask.Says(facts["after"], nameof(ModelLoadFailure.NotVerified), "2 threads of this process", "InChildProcess");
        Assert.Equal("2", facts["metric"]);
        Assert.Equal(2, facts["events"].Split("NativeCallAbandoned").Length - 1);
    }

    /// <summary>An answer that cannot be kept is given all the same, and that is said once.</summary>
    [Fact]
    public async Task Cache_NoMemoryForTheCopyOfAnAnswer_GivesTheAnswerAndKeepsOthers()
    {
        File.WriteAllBytes(
            _model,
            new TinyOnnx().Input("x", ElementType.Float, 1).Input("times", ElementType.Int64, 1).Node("Tile", "x times", "y")
                .OutputOfAnyShape("y", ElementType.Float).ToArray());

        var facts = await RunAsync("short-of-memory", heap: 300_000_000);

        Assert.Equal(("Model, 50000000", "Model, 50000000"), (facts["many"], facts["again"]));
        Assert.Equal(("Model, 8", "Cache, 8", "1"), (facts["few"], facts["kept"], facts["entries"]));
        Assert.Equal(1, facts["events"].Split("CacheCouldNotKeep").Length - 1);
    }

    /// <summary>
    /// Requests on all ways, each while every thread of the pool is blocked from before there can be an answer until all have theirs.
    /// </summary>
    [Fact]
    public async Task PredictAsync_WholePoolBlockedUntilTheAnswers_EveryWayIsAnsweredInTime()
    {
        File.WriteAllBytes(Path.Combine(_folder, "affine.onnx"), TinyModels.Affine().ToArray());
        File.WriteAllBytes(Path.Combine(_folder, "free.onnx"), TinyModels.FreeLength().ToArray());
        File.WriteAllBytes(Path.Combine(_folder, "chain.onnx"), TinyModels.Chain(200).ToArray());
        File.WriteAllBytes(Path.Combine(_folder, "long.onnx"), TinyModels.Chain(10_000).ToArray());

        var ways = await RunAsync("blocked-pool");

        ways.Remove("events");
        Assert.True(ways.Count >= 40, $"Only {ways.Count} ways were gone.");
        Assert.All(ways, static way => Assert.Equal(
            way.Key.EndsWith("-late", StringComparison.Ordinal) ? nameof(PredictionStatus.DeadlineExceeded)
            : way.Key.EndsWith("-cancelled", StringComparison.Ordinal) ? "Cancelled" : "Ok",
            way.Value));
    }

    private async Task<Dictionary<string, string>> RunAsync(string command, string argument = "", string? folder = null, long? heap = null)
    {
        var start = new ProcessStartInfo(DotnetHost())
        {
            ArgumentList = { "exec", Path.Combine(folder ?? AppContext.BaseDirectory, $"{Program}.dll"), command, _model, argument },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("ORT_DISABLE_TELEMETRY");
        if (heap is { } bytes) start.Environment["DOTNET_GCHeapHardLimit"] = bytes.ToString("x", CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken)
                .WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{command} has not ended after {Patience.TotalMinutes:0} minutes: {await output}{await errors}");
        }

        Assert.True(process.ExitCode == 0, $"{command} ended with {process.ExitCode}: {await output}{await errors}");

        var facts = new Dictionary<string, string> { ["events"] = "" };
        foreach (var line in (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var parts = line.Split('=', 2);
            if (parts[0] == "event") facts["events"] += $"{parts[1]} ";
            else facts[parts[0]] = parts[1];
        }

        return facts;
    }

    /// <summary>The program that runs this process's kind of assemblies.</summary>
    private static string DotnetHost()
    {
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        return Path.Combine(root, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
    }
}
