using System.Diagnostics.Metrics;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Resilience;

namespace MlServe.ChildProcess.Guests;

/// <summary>A host with guests in all roles, and models that between them have everything that MlServe can do.</summary>
internal static class GuestHost
{
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(3);

    /// <param name="kind">Whether the factory of logs or that of meters is a guest: else both are the framework's.</param>
    /// <param name="mischief">Tells who throws.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="folder">Where models may be put.</param>
    /// <param name="hold">Holds the requests of the model 'held' back.</param>
    /// <param name="swapHold">Holds those of the model 'swapped' back.</param>
    public static IHost Build(string kind, Mischief mischief, ThrowingClock clock, string folder, Task hold, Task swapHold)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true, ContentRootPath = folder });
        ((IConfigurationBuilder)builder.Configuration).Add(new ThrowingConfiguration(mischief, new(StringComparer.OrdinalIgnoreCase)
        {
            ["MlServing:Models:configured:Path"] = "sum.onnx",
            ["MlServing:Models:leaving:Path"] = "sum.onnx",
            ["MlServing:Models:chaotic:Chaos:Enabled"] = "true",
            ["MlServing:Models:stoodinfor:Chaos:Enabled"] = "true",
        }));
        var services = builder.Services;
        services.AddSingleton<TimeProvider>(clock);
        services.AddLogging(logging => logging.AddProvider(new ThrowingLogs(mischief)).SetMinimumLevel(LogLevel.Trace));
        if (kind == "logger-factory") services.AddSingleton<ILoggerFactory>(new ThrowingLogFactory(mischief));
        if (kind is "meter-factory" or "all") services.AddSingleton<IMeterFactory>(new ThrowingMeterFactory(mischief));
        services.AddSingleton<HybridCache>(new ThrowingHybridCache(mischief));
        services.AddHealthChecks().AddMlServing();
        AddModels(services, mischief, folder, hold, swapHold);
        return builder.Build();
    }

    private static void AddModels(IServiceCollection services, Mischief mischief, string folder, Task hold, Task swapHold) => services
        .AddMlServing(static options => options.DrainTimeout = DrainTimeout)
        .AddModel("main", static model => model.FromBytes(Models.Sum).AsDefault().UseStandardPipeline()
            .UseBatching(static batching => (batching.RunMode, batching.MaxQueueDelay, batching.RecheckRate) =
                (RunMode.Queued, TimeSpan.FromMilliseconds(1), 1))
            .UseCache(static cache => cache.SwitchOffWhenUseless = false))
        .AddModel("checked", model => model.FromBytes(Models.Sum).UseCircuitBreaker(breaker => breaker.OutputCheck = _ =>
        {
            mischief.Call("callback.OutputCheck");
            return true;
        }))
        .AddModel("chaotic", static model => model.FromBytes(Models.Sum).UseChaos(static chaos => chaos.FailureRate = 1).UseCircuitBreaker()
            .UseFallback(static fallback => fallback.Then(static (_, _, _) => throw new InvalidOperationException("No."))))
        .AddModel("stoodinfor", static model => model.FromBytes(Models.Sum).UseChaos(static chaos => chaos.FailureRate = 1)
            .UseFallback(static fallback => fallback.To("main").ThenValue("y", -1f)))
        .AddModel("layered", model => model.FromBytes(Models.Sum).Use(inner => new ThrowingLayer(inner, mischief, deserves: true)))
        .AddModel(
            "twice",
            model => model.FromBytes(Models.Sum)
                .Use(inner => new TwiceCallingLayer(inner, mischief))
                .UseBatching(static batching => batching.RunMode = RunMode.Queued))
        .AddModel("timed", model => model.FromBytes(Models.Sum)
            .ConfigurePipeline(pipeline =>
                pipeline.UseTimeout(TimeSpan.FromMilliseconds(20)).Use(inner => new WaitingLayer(inner, mischief))))
        .AddModel("sourced", model => model.FromSource(new GuestSource(mischief)))
        .AddModel("worthless", static model => model.FromBytes(Models.Sum).UseCache())
        .AddModel(
            "hosted",
            static model =>
                model.FromBytes(Models.Sum).UseCache(static cache => (cache.UseHybridCache, cache.SwitchOffWhenUseless) = (true, false)))
        .AddModel("held", model => model.FromBytes(Models.Sum).Use(inner => new HoldingLayer(inner, hold)))
        .AddModel("swapped", model => model.FromBytes(Models.Sum).Use(inner => new HoldingLayer(inner, swapHold)))
        .AddModel(
            "gpu",
            static model => model.FromBytes(Models.Sum).UseCuda().UseCpu().ConfigureOnnx(static onnx => onnx.UseSharedThreadPool = true))
        .AddModel(
            "optimized",
            model => model.FromBytes(Models.Sum).ConfigureOnnx(onnx => onnx.OptimizedModelCacheFolder = Path.Combine(folder, "optimized")))
        .AddModel("varying", static model => model.FromBytes(Models.Varying).UseBatching().UseCache())
        .AddModel("mixing", static model => model.FromBytes(Models.Mixing).ConfigureOnnx(static onnx => onnx.BatchAxis = 0))
        .AddModel("failing", static model => model.FromBytes(Models.Failing))
        .AddModel("absent", static model => model.FromFile("absent.onnx").AsOptional());
}
