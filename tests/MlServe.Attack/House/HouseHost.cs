using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlServe.Batching;
using MlServe.Onnx;
using Polly;
using Polly.Retry;

namespace MlServe.Attack.House;

/// <summary>Builds the host of a composition: the model "m" with all its features, and its stand-in "s".</summary>
internal sealed class HouseHost(HouseComposition composition, HouseModels models, HouseLedger ledger, int seed)
{
    /// <summary>The numbers of the value that stands in.</summary>
    public const double Value = 0.123;

    public IHost Build()
    {
        var builder = new HostApplicationBuilder(
            new HostApplicationBuilderSettings { DisableDefaults = true, ContentRootPath = models.Folder });
        builder.Configuration.AddInMemoryCollection(Settings());
        if (composition["listeners"] == "throwing") builder.Services.AddSingleton<ILoggerProvider, ThrowingLogs>();
        if (composition["cache"] == "second-level") builder.Services.AddHybridCache();
        var serving = builder.Services.AddMlServing(options =>
        {
            if (composition["gate"] == "one") options.MaxConcurrentRuns = 1;
        });
        serving.AddModel("m", model => Configure(model.AsDefault()));
        serving.AddModel("s", static _ => { });
        return builder.Build();
    }

    private Dictionary<string, string?> Settings()
    {
        const string Model = "MlServing:Models:m:";
        Dictionary<string, string?> settings = new()
        {
            [Model + "Path"] = models.PathOf("m", "1"),
            [Model + "Version"] = "1",
            ["MlServing:Models:s:Path"] = models.PathOf("s", "1"),
        };
        if (composition["chaos"] == "off") return settings;
        settings[Model + "Chaos:Enabled"] = "true";
        settings[Model + "Chaos:Seed"] = $"{seed}";
        settings[Model + "Chaos:Latency"] = "00:00:00.003";
        var fault = composition["chaos"] switch { "failures" => "FailureRate", "latency" => "LatencyRate", _ => "InvalidOutputRate" };
        settings[$"{Model}Chaos:{fault}"] = "0.05";
        return settings;
    }

    private void Configure(ModelBuilder model)
    {
        if (composition["level"] == "p99") model.WithServiceLevel(p99: TimeSpan.FromMilliseconds(50));
        if (composition["verified"] == "yes")
        {
            model.WrapSource((source, _) => ModelSource.Verified(source, new()
            {
                ToolPath = Path.Combine(AppContext.BaseDirectory, "mlserve.dll"),
                VerdictFolder = Directory.CreateDirectory(Path.Combine(models.Folder, "verdicts")).FullName,
            }));
        }

        model.ConfigureOnnx(onnx =>
        {
            onnx.UseArena = composition["arena"] == "own";
            if (composition["sessions"] == "two") onnx.Sessions = 2;
            if (composition["sessions"] == "threads") onnx.IntraOpThreads = 2;
            if (composition["queue"] == "short") onnx.MaxQueuedRequests = 4;
            if (composition["folder"] == "kept") onnx.OptimizedModelCacheFolder = Path.Combine(models.Folder, "optimized");
        });
        if (composition["cache"] == "outermost") model.ConfigurePipeline(static builder => builder.UseCache());
        Cover(model);
        if (composition["cache"] is not ("off" or "outermost"))
        {
            model.UseCache(options =>
            {
                options.StaleFromOtherVersions = true;
                if (composition["cache"] == "small") options.SizeLimit = 64 * 1024;
                options.SwitchOffWhenUseless = composition["cache"] == "small";
                options.UseHybridCache = composition["cache"] == "second-level";
            });
        }

        if (composition["timeout"] != "off") model.UseTimeout(TimeSpan.FromMilliseconds(composition["timeout"] == "long" ? 5000 : 15));
        if (composition["breaker"] != "off")
        {
            model.UseCircuitBreaker(options =>
            {
                options.BreakDuration = TimeSpan.FromMilliseconds(50);
                options.MinimumThroughput = 10;
                if (composition["breaker"] == "checked") options.OutputCheck = static _ => true;
            });
        }

        if (composition["flow"] != "direct") model.UseBatching(Batch);
        if (composition["fallback"] != "none") model.UseFallback(Fall);
    }

    private void Batch(BatchingOptions options)
    {
        options.MaxBatchSize = 16;
        if (composition["flow"] == "queued") options.RunMode = RunMode.Queued;
        if (composition["flow"] == "held") options.MaxQueueDelay = TimeSpan.FromMilliseconds(2);
        if (composition["queue"] == "short") options.MaxQueuedRows = 16;
        if (composition["flow"] != "padded") return;
        options.Padding.Axis = "length";
        options.Padding.Buckets = [4, 8, 16];
    }

    private void Cover(ModelBuilder model)
    {
        switch (composition["layers"])
        {
            case "yields":
                model.Use(static inner => new HouseLayer(inner, isThrowing: false));
                break;
            case "throws":
                model.Use(static inner => new HouseLayer(inner, isThrowing: true));
                break;
            case "polly":
                model.UseResiliencePipeline(new ResiliencePipelineBuilder<Prediction>().AddRetry(new RetryStrategyOptions<Prediction>
                {
                    MaxRetryAttempts = 1,
                    Delay = TimeSpan.Zero,
                    ShouldHandle = static arguments => new(arguments.Outcome.Result is { Status: PredictionStatus.Failed }),
                }).Build());
                break;
        }
    }

    private void Fall(Resilience.FallbackBuilder chain)
    {
        var row = Enumerable.Repeat((float)Value, models.OutputLength).ToArray();
        switch (composition["fallback"])
        {
            case "value":
                chain.ThenValue(models.Output, row);
                break;
            case "model":
                chain.To("s");
                break;
            case "function":
                chain.Then((inputs, options, token) =>
                {
                    ledger.CallFunction();
                    return ledger.StandIn.PredictAsync(inputs, options, token);
                });
                break;
            case "stale":
                chain.ThenStaleAnswer();
                break;
            case "hedged":
                chain.To("s").After(TimeSpan.FromMilliseconds(2));
                break;
            default:
                chain.ThenStaleAnswer().To("s").ThenValue(models.Output, row);
                break;
        }
    }

    private sealed class ThrowingLogs : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) =>
            categoryName.StartsWith("MlServe", StringComparison.Ordinal) ? this : NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new HouseException("The log throws.");

        public void Dispose()
        {
        }
    }
}
