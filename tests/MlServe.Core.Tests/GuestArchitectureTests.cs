using System.Text.RegularExpressions;

namespace MlServe;

/// <summary>
/// Reads the sources and finds code that calls a guest (a logger, an instrument, a clock, a callback of a token) past its guard, and work
/// in the background that would keep its first caller's context.
/// </summary>
public sealed class GuestArchitectureTests
{
    private static readonly Rule[] Rules =
    [
        new("an instrument past its guard",
            @"(?<!Guarded)\b(?:Histogram|Counter|UpDownCounter|Gauge|ObservableCounter|ObservableGauge|ObservableUpDownCounter)<"
            + @"|\bnew Meter\(",
            "Guests/", "WarmUp/WarmUpMeters.cs"),
        new("a logger past its guard", @"\.CreateLogger(?:<\w+>)?\(|\bLoggerMessage\.Define|\bILogger<", "Guests/GuardedLogger.cs"),
        new("a log entry without an id", @"[lL]ogger\??\.Log(?:Trace|Debug|Information|Warning|Error|Critical)?\("),
        new("an activity past its guard",
            @"\.StartActivity\(|\bnew ActivitySource\(|\bactivity\.Stop\(|\bactivity\.Start\(",
            "Monitoring/TracingSource.cs"),
        new("a service of the application's past its guard",
            @"GetService\(typeof\((?:TimeProvider|IMeterFactory|ILoggerFactory)\)|Service<(?:TimeProvider|IMeterFactory|ILoggerFactory)>\(",
            "Guests/", "Serving/QuantizationFeature.cs"),
        new("a timer that keeps its caller's context",
            @"\bnew (?:\w+\.)*(?:Periodic)?Timer\(|\.CreateTimer\(",
            "Guests/", "Threading/DeadlineTimers.cs"),
        new("work that keeps its caller's context",
            @"\bTask\.Run\(|\bStartNew\(|\.ContinueWith\(|\bParallel\.\w+\(",
            "Guests/Background.cs", "Threading/Awaiting.cs", "Threading/UrgentEnd.cs", "OnnxQuantizer.cs",
            "OnnxQuantizer.Preprocessing.cs", "Evaluation/ModelRewriting.cs"),
        new("work that keeps its caller's context", @"(?<!Unsafe)QueueUserWorkItem\("),
        new("a thread that keeps its caller's context", @"\bnew Thread\((?:(?!UnsafeStart)[\s\S])*?\.Start\("),
        new("a callback that keeps its caller's context", @"(?<!\b(?:Background|MemoryPressure))\.Register\("),
        new("callbacks of others that may throw here",
            @"\b\w+\.Cancel(?:Async)?\(\)|(?<!UrgentTasks)\.CancelAfter\(|\bnew CancellationTokenSource\(\s*[^)\s]",
            "Guests/Cancellations.cs", "Serving/"),
    ];

    [Fact]
    public void Sources_EveryFile_CallsGuestsThroughTheirGuards()
    {
        var files = ArchitectureTests.SourcesOf("MlServe.Core")
            .Concat(ArchitectureTests.SourcesOf("MlServe.Extensions"))
            .Concat(ArchitectureTests.SourcesOf("MlServe.Quantization")).ToList();
        Assert.True(files.Count > 200, $"Only {files.Count} files were found: the test does not see the sources.");
        var faults = files.SelectMany(static file => FaultsOf(file.Path, file.Text)).ToList();
        Assert.True(faults.Count == 0, string.Join(Environment.NewLine, faults));
    }

    [Theory]
    [InlineData("Batching/A.cs", "private readonly Histogram<long> _size;")]
    [InlineData("Batching/A.cs", "var counter = meter.CreateCounter<long>(\"a\"); Counter<long> other = counter;")]
    [InlineData("Caching/A.cs", "UpDownCounter<int>? entries = null;")]
    [InlineData("Monitoring/A.cs", "private static readonly Meter Meter = new Meter(\"MlServe\");")]
    [InlineData("Hosting/A.cs", "_logger = loggers.CreateLogger(MlServeDiagnostics.LogCategory);")]
    [InlineData("Hosting/A.cs", "_logger = loggers.CreateLogger<HostedModel>();")]
    [InlineData("Hosting/A.cs", "internal sealed class A(ILogger<A> logger);")]
    [InlineData("Hosting/A.cs", "_logger.LogWarning(\"oh\");")]
    [InlineData("Hosting/A.cs", "logger?.Log(LogLevel.Error, default, 1, null, null!);")]
    [InlineData("Resilience/A.cs", "using var activity = Source.StartActivity(\"a\");")]
    [InlineData("Resilience/A.cs", "activity.Stop();")]
    [InlineData("Resilience/A.cs", "var time = services.GetService(typeof(TimeProvider)) as TimeProvider;")]
    [InlineData("Hosting/A.cs", "var time = services.GetRequiredService<TimeProvider>();")]
    [InlineData("Batching/A.cs", "_timer = new Timer(static _ => { }, null, 0, 0);")]
    [InlineData("Batching/A.cs", "_timer = new PeriodicTimer(TimeSpan.Zero);")]
    [InlineData("Batching/A.cs", "_timer = time.CreateTimer(static _ => { }, null, default, default);")]
    [InlineData("Hosting/A.cs", "_ = Task.Run(LoadAsync);")]
    [InlineData("Hosting/A.cs", "_ = Task.Factory.StartNew(Load);")]
    [InlineData("Hosting/A.cs", "_ = load.ContinueWith(static _ => { });")]
    [InlineData("Onnx/A.cs", "ThreadPool.QueueUserWorkItem(static _ => { });")]
    [InlineData("Onnx/A.cs", "new Thread(Loop) { IsBackground = true }.Start();")]
    [InlineData("Onnx/A.cs", "var thread = new Thread(Loop);\nthread.Start();")]
    [InlineData("Hosting/A.cs", "lifetime.ApplicationStopping.Register(Stop);")]
    [InlineData("Batching/A.cs", "_source.Cancel();")]
    [InlineData("Hosting/A.cs", "await _closing.CancelAsync().ConfigureAwait(false);")]
    [InlineData("Batching/A.cs", "using var expiry = new CancellationTokenSource(timeout, Time);")]
    [InlineData("Batching/A.cs", "_source.CancelAfter(timeout);")]
    public void Faults_PastAGuard_AreFound(string path, string text) =>
        Assert.NotEmpty(FaultsOf(path.Replace('/', Path.DirectorySeparatorChar), text));

    [Theory]
    [InlineData("Guests/GuardedCounter.cs", "internal sealed class GuardedCounter<T>(Counter<T>? instrument);")]
    [InlineData("Batching/A.cs", "private readonly GuardedHistogram<long> _size; // not a Histogram<long>")]
    [InlineData("Hosting/A.cs", "LogMessages.ModelLoaded(_logger, name);")]
    [InlineData("Batching/A.cs", "_timer = time.CreateDeadlineTimer(static _ => { }, null);")]
    [InlineData("Batching/A.cs", "ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);")]
    [InlineData("Onnx/A.cs", "new Thread(Loop) { IsBackground = true }.UnsafeStart();")]
    [InlineData("Batching/A.cs", "token.UnsafeRegister(static slot => ((BatchSlot)slot!).Cancel(), this);")]
    [InlineData("Hosting/A.cs", "Background.Register(Stop, lifetime.ApplicationStopping);")]
    [InlineData("Batching/A.cs", "_source.CancelQuietly(); var source = new CancellationTokenSource();")]
    public void Faults_ThroughAGuard_AreNone(string path, string text) =>
        Assert.Empty(FaultsOf(path.Replace('/', Path.DirectorySeparatorChar), text));

    private static IEnumerable<string> FaultsOf(string path, string text)
    {
        var code = ArchitectureTests.CodeOf(text);
        var file = path.Replace(Path.DirectorySeparatorChar, '/');
        foreach (var rule in Rules)
        {
            if (Array.Exists(rule.Allowed, allowed => file.StartsWith(allowed, StringComparison.Ordinal))) continue;
            foreach (Match match in Regex.Matches(code, rule.Pattern))
                yield return $"{file}: {rule.What}: {match.Value}";
        }
    }

    /// <param name="What">What is wrong.</param>
    /// <param name="Pattern">How it is written.</param>
    /// <param name="Allowed">The files, or folders, in which it is right.</param>
    private sealed record Rule(string What, string Pattern, params string[] Allowed);
}
