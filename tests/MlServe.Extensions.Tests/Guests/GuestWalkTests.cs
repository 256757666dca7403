using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging;
using MlServe.Onnx;
using Xunit;

namespace MlServe.Guests;

/// <summary>
/// A day of a host (start, load, circuits, caches, reload, stop) with guests that throw, a kind at a time and all at once, in a process of
/// its own, because a throw may end that. Which guests there are is read from the interfaces themselves: one that was never called is a
/// fault of the test.
/// </summary>
public sealed class GuestWalkTests
{
    private const string Program = "MlServe.ChildProcess";

    /// <summary>What is never called, and why.</summary>
    private static readonly Dictionary<string, string> Exempt = new(StringComparer.Ordinal)
    {
        ["event.2040"] = "A thread of the process would be lost: ChildProcessTests.",
        ["event.2041"] = "As 2040.",
        ["event.2042"] = "Of the tool, another process: VerificationTests.",
        ["event.2043"] = "As 2042.",
        ["event.2044"] = "As 2042.",
        ["event.2060"] = "Of a model whose trial takes longer than a day has.",
        ["event.3001"] = "No load lets a model pass whose rows are known to mix: BatchRecheckTests.",
        ["event.5003"] = "Of an answer for whose copy there is no memory: ChildProcessTests.",
        ["event.6005"] = "Of a model that fails now and then: FailureEvidenceTests.",
        ["meter.measured:mlserve.load.abandoned"] = "As event.2040; it is observed, and has nothing to say.",
        ["clock.LocalTimeZone"] = "MlServe does not ask for a time zone.",
        ["timer.DisposeAsync"] = "Timers are disposed within the call.",
        ["activity.SampleUsingParentId"] = "Asked only for parents that are given as text.",
        ["activity.ExceptionRecorder"] = "MlServe adds no exceptions to activities: the log has them.",
        ["context.Send"] = "Nobody waits for a context.",
        ["context.OperationStarted"] = "Of async void methods.",
        ["context.OperationCompleted"] = "Of async void methods.",
        ["context.Wait"] = "Nobody blocks.",
        ["context.CreateCopy"] = "Of the runtime's own.",
        ["event.4016"] = "A model is asked for that is not there, which nobody does.",
        ["hybrid.RemoveAsync"] = "Of a trial alone that went well so far.",
        ["hybrid.RemoveByTagAsync"] = "Answers have no tags.",
    };

    public static TheoryData<string> Kinds =>
        ["none", "logger", "logger-enabled", "logger-factory", "meters", "meter-factory", "activities", "activity-source", "events",
            "event-source", "clock", "contexts", "caches", "layers", "host", "all"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Day_GuestsThrow_EachRequestIsAnsweredOnceAndTheHostStops(string kind)
    {
        var facts = await RunAsync(kind);

        Assert.Equal(("0", "0", "True"), (facts["unanswered"], facts["wrong"], facts["balanced"]));
        Assert.True(long.Parse(facts["right"], CultureInfo.InvariantCulture) > 10_000, facts["right"]);
        Assert.Equal("True", facts["stopped"]);
        Assert.All(
            facts["states"].Split(','),
            static state =>
                Assert.Equal(
                    state.StartsWith("held:", StringComparison.Ordinal) ? "held:Draining" : $"{state.Split(':')[0]}:Closed", state));
        Assert.Equal("0", facts["open"]);
        Assert.Equal(kind == "none", facts["thrown"] == "0");
        Assert.Empty(CallsOf(kind).Where(static call => !Exempt.ContainsKey(call)).Except(facts["throwers"].Split(',')));
        if (kind == "logger") Assert.Contains("events.written:GuestThrew", facts["calls"].Split(','));
    }

    /// <summary>
    /// What runs for nobody's request, and outside of any call that a tenant made, must see no tenant: it would keep the first one's for
    /// good.
    /// </summary>
    [Fact]
    public async Task Day_TenantsInTheContext_NoBackgroundCallSeesOne()
    {
        string[] background =
        [
            "fired.", "source.ReadAsync", "layer.CreateWarmUpTwin", "hybrid.SetAsync", "meter.measured:mlserve.batch.", "events.written:",
            "event.2000", "event.2001", "event.2003", "event.2004", "event.4000", "event.4002", "event.4004", "event.4008", "event.4012",
            "event.4013", "event.4014", "event.4015", "event.6010",
        ];
        var facts = await RunAsync("none");
        var seen = facts["tenants"].Split(',');

        Assert.All(
            background, prefix => Assert.Contains(facts["calls"].Split(','), call => call.StartsWith(prefix, StringComparison.Ordinal)));
        Assert.Contains("layer.PredictAsync=caller", seen);
        Assert.Contains("event.4005=reloader", seen);
        Assert.DoesNotContain(seen, call => Array.Exists(background, prefix => call.StartsWith(prefix, StringComparison.Ordinal)));
    }

    [Fact]
    public void Exempt_EachEntry_IsAGuestThatThereIs() =>
        Assert.Empty(Exempt.Keys.Except(Kinds.SelectMany(static kind => CallsOf(kind))));

    /// <summary>The calls that a kind of guests consists of.</summary>
    private static IEnumerable<string> CallsOf(string kind) => kind switch
    {
        "logger" => Events(),
        "logger-enabled" => ["logger.IsEnabled"],
        "logger-factory" => ["factory.CreateLogger"],
        "meters" =>
            Instruments()
                .SelectMany(static name => (string[])[$"meter.published:{name}", $"meter.measured:{name}"])
                .Append("meter.completed"),
        "meter-factory" => ["factory.CreateMeter"],
        "activities" => Properties<ActivityListener>("activity"),
        "activity-source" => ["activity.ShouldListenTo"],
        "events" => ["events.written:EventCounters"],
        "event-source" => ["events.created"],
        "clock" => Virtuals<TimeProvider>("clock").Concat(Virtuals<ITimer>("timer")).Concat(["timer.Dispose", "timer.DisposeAsync"]),
        "contexts" => Virtuals<SynchronizationContext>("context").Append("scheduler.QueueTask"),
        "caches" => Virtuals<HybridCache>("hybrid"),
        "layers" =>
        [
            .. Virtuals<IWarmable>("layer"), "layer.PredictAsync", "layer.GetService", "layer.DisposeAsync", "layer.Cancelled",
            "layer.OnCompleted", "layer.CallsTwice", "layer.CallsEarly", "callback.OutputCheck", "callback.StateChanged",
        ],
        "host" => ["host.ReadConfiguration"],
        _ => [],
    };

    /// <summary>
    /// All that MlServe logs; the quantizer has its logger from the same place, which <c>ArchitectureTests</c> holds it to.
    /// </summary>
    private static IEnumerable<string> Events() => new[] { typeof(OnnxPredictor).Assembly, typeof(MlServingOptions).Assembly }
        .SelectMany(static assembly => assembly.GetTypes())
        .SelectMany(static type =>
            type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance))
        .Select(static method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>()
        .Select(static message => $"event.{message.EventId}");

    private static IEnumerable<string> Instruments() => typeof(MlServeDiagnostics).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Where(static field => field.Name.EndsWith("Metric", StringComparison.Ordinal))
        .Select(static field => (string)field.GetRawConstantValue()!);

    private static IEnumerable<string> Properties<T>(string prefix) =>
        typeof(T).GetProperties()
            .Where(static property => property.CanWrite)
            .Select(property => $"{prefix}.{property.Name}")
            .Where(static call => call != "activity.ShouldListenTo");

    private static IEnumerable<string> Virtuals<T>(string prefix) =>
        typeof(T).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(static method => method.IsVirtual)
            .Select(method => $"{prefix}.{method.Name.Replace("get_", "", StringComparison.Ordinal)}").Distinct();

    /// <summary>
    /// The program where it was built, with all its packages: what lies beside these tests lacks those that their web framework brings.
    /// </summary>
    private static string PathOf(string program)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(own.Parent!.Parent!.FullName, program, own.Name, $"{program}.dll");
    }

    private static async Task<Dictionary<string, string>> RunAsync(string kind)
    {
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var start = new ProcessStartInfo(Path.Combine(root, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"))
        {
            ArgumentList = { "exec", PathOf(Program), "guests", kind },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"It ended with {process.ExitCode}: {await output}{await errors}");
        var facts = new Dictionary<string, string>();
        foreach (var line in (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var parts = line.Split('=', 2);
            facts[parts[0]] = facts.TryGetValue(parts[0], out var known) ? $"{known}; {parts[1]}" : parts[1];
        }

        if (facts.TryGetValue("example", out var example)) TestContext.Current.TestOutputHelper?.WriteLine(example);
        return facts;
    }
}
