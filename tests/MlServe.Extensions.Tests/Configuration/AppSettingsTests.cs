using System.Collections;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using MlServe.Features;
using Xunit;

namespace MlServe.Configuration;

/// <summary>Every option that exists is reached from <c>appsettings.json</c> in a host that starts.</summary>
public sealed class AppSettingsTests : IDisposable
{
    /// <summary>The features make their options known.</summary>
    static AppSettingsTests() => _ = new FeatureCatalog([]);

    internal const string Settings = """
        {
          "MlServing": {
            "MaxConcurrentRuns": 3,
            "DrainTimeout": "00:00:07",
            "Runtime": { "EnableTelemetry": false, "SharedThreadPoolThreads": 0, "ShareArena": false },
            "Models": {
              "one": {
                "Path": "models/one.onnx",
                "Version": "2026-08",
                "IsDefault": true,
                "ServiceLevel": {
                  "P99": "00:00:00.010", "Availability": 0.999, "PeakRps": 500.5, "P50": "00:00:00.002", "Quality": 0.95,
                  "CostPerMillion": 1.5
                },
                "Onnx": {
                  "ExecutionProviders": [
                    { "Provider": "Cuda", "DeviceId": 1, "Settings": { "gpu_mem_limit": "1073741824" } },
                    { "Provider": "Cpu", "Requirement": "Required" }
                  ],
                  "IntraOpThreads": 2,
                  "InterOpThreads": 2,
                  "Sessions": 2,
                  "UseSharedThreadPool": true,
                  "AllowSpinning": true,
                  "Optimization": "Basic",
                  "OptimizedModelCacheFolder": "cache",
                  "UseArena": false,
                  "SessionEntries": { "session.disable_prepacking": "1" },
                  "AllowExternalData": true,
                  "SealKeyFile": "keys/seal.key",
                  "MaxModelBytes": 3000000,
                  "InspectionLimits": {
                    "MaxDepth": 7,
                    "MaxNodes": 70000,
                    "MaxTensors": 71000,
                    "MaxEntries": 72000,
                    "MaxNameLength": 7300,
                    "MaxTextBytes": 74000,
                    "MaxExpandedNodes": 75000,
                    "MaxLoopTrips": 76000,
                    "MaxDerivedBytes": 77000
                  },
                  "LoadTimeout": "00:01:10",
                  "Verify": "None",
                  "Verification": {
                    "ToolPath": "tools/mlserve",
                    "Timeout": "00:00:20",
                    "MaxMemoryBytes": 200000000,
                    "VerdictFolder": "verdicts",
                    "SealKeyFile": "keys/verdicts.key"
                  },
                  "BatchAxis": 0,
                  "BatchTolerance": 0.001,
                  "NonFiniteInputs": { "x": "NaN, NegativeInfinity" },
                  "TrialTime": "00:00:00.3000000",
                  "WarmUpRows": [ 1, 2 ],
                  "WarmUpRuns": 1,
                  "MaxQueuedRequests": 5,
                  "MaxRequestBytes": 1000000,
                  "MaxIdleLaneBytes": 2000000
                },
                "UseCache": true,
                "Cache": {
                  "SizeLimit": 1000000,
                  "TimeToLive": "00:10:00",
                  "StaleFromOtherVersions": true,
                  "SwitchOffWhenUseless": false,
                  "HybridCacheTimeout": "00:00:00.050",
                  "AcceptVaryingAnswersOf": "one"
                },
                "Fallback": [ { "Model": "two", "After": "00:01:00" }, { "StaleAnswer": true }, { "Value": { "y": [ 0.5 ] } } ],
                "UseTimeout": true,
                "Timeout": "00:00:09",
                "UseCircuitBreaker": true,
                "CircuitBreaker": {
                  "FailureRatio": 0.25,
                  "MinimumThroughput": 30,
                  "SamplingDuration": "00:00:20",
                  "BreakDuration": "00:00:06",
                  "MaxBreakDuration": "00:02:00",
                  "ProbeCount": 4,
                  "SlowRunThreshold": "00:00:00.050",
                  "RequireFiniteOutputs": false,
                  "ProbabilityTolerance": 0.5
                },
                "Chaos": {
                  "Enabled": true, "LatencyRate": 0.1, "Latency": "00:00:00.001", "FailureRate": 0.0001, "InvalidOutputRate": 0.0001,
                  "Seed": 1
                },
                "UseBatching": true,
                "Batching": {
                  "MaxBatchSize": 32,
                  "MaxQueueDelay": "00:00:00.001",
                  "MaxQueuedRows": 100,
                  "Lanes": 1,
                  "Readiness": "WhenCalibrated",
                  "RunMode": "Queued",
                  "Timeout": "00:00:05",
                  "MaxBulkDelay": "00:00:02",
                  "MaxLaneBytes": 3000000,
                  "AcceptDependentRowsOf": "one",
                  "RecheckRate": 0.001
                }
              },
              "two": { "Path": "models/two.onnx", "Onnx": { "BatchAxes": { "x": 0 } } },
              "three": {
                "Path": "models/one.onnx",
                "Onnx": { "BatchDetection": "None", "RunAtLoad": false, "WarmUpRuns": 0, "FreeDimensions": { "N": 4 } },
                "UseCircuitBreaker": false,
                "UseCache": false,
                "UseBatching": false,
                "CircuitBreaker": { "ProbabilityOutputs": [ "y" ] },
                "Cache": { "UseHybridCache": true },
                "Batching": { "Padding": { "Axis": "sequence", "Buckets": [ 32 ], "Values": { "ids": 1 }, "MaskInput": "mask" } }
              }
            }
          }
        }
        """;

    /// <summary>
    /// The options of the process, which cannot be set again in a host: <see cref="HostLifecycleTests"/> shows that they are reached.
    /// </summary>
    private static readonly string[] SetOncePerProcess =
        ["Runtime:EnableTelemetry=False", "Runtime:SharedThreadPoolThreads=0", "Runtime:ShareArena=False"];

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Start_ModelsInAppSettingsAlone_ReachesEveryOption()
    {
        _test.WriteModel("models/one.onnx");
        _test.WriteModel("models/two.onnx", weight: 2);
        using var host = await _test.StartAsync(static services => services.AddMlServing(), Settings);

        var models = host.Services.GetRequiredService<IOptionsMonitor<ModelOptions>>();
        var reached = ChangesIn(host.Services.GetRequiredService<IOptions<MlServingOptions>>().Value, new MlServingOptions())
            .Concat(ChangesIn(models.Get("one"), new ModelOptions()))
            .Concat(ChangesIn(models.Get("two"), new ModelOptions()))
            .Concat(ChangesIn(models.Get("three"), new ModelOptions()))
            .Concat(SetOncePerProcess)
            .ToHashSet(StringComparer.Ordinal);

        Assert.Equal(
            [
                "Batching:AcceptDependentRowsOf=one",
                "Batching:Lanes=1",
                "Batching:MaxBatchSize=32",
                "Batching:MaxBulkDelay=00:00:02",
                "Batching:MaxLaneBytes=3000000",
                "Batching:MaxQueueDelay=00:00:00.0010000",
                "Batching:MaxQueuedRows=100",
                "Batching:Padding:Axis=sequence",
                "Batching:Padding:Buckets=32",
                "Batching:Padding:MaskInput=mask",
                "Batching:Padding:Values:ids=1",
                "Batching:Readiness=WhenCalibrated",
                "Batching:RecheckRate=0.001",
                "Batching:RunMode=Queued",
                "Batching:Timeout=00:00:05",
                "Cache:AcceptVaryingAnswersOf=one",
                "Cache:HybridCacheTimeout=00:00:00.0500000",
                "Cache:SizeLimit=1000000",
                "Cache:StaleFromOtherVersions=True",
                "Cache:SwitchOffWhenUseless=False",
                "Cache:TimeToLive=00:10:00",
                "Cache:UseHybridCache=True",
                "Chaos:Enabled=True",
                "Chaos:FailureRate=0.0001",
                "Chaos:InvalidOutputRate=0.0001",
                "Chaos:Latency=00:00:00.0010000",
                "Chaos:LatencyRate=0.1",
                "Chaos:Seed=1",
                "CircuitBreaker:BreakDuration=00:00:06",
                "CircuitBreaker:FailureRatio=0.25",
                "CircuitBreaker:MaxBreakDuration=00:02:00",
                "CircuitBreaker:MinimumThroughput=30",
                "CircuitBreaker:ProbabilityOutputs=y",
                "CircuitBreaker:ProbabilityTolerance=0.5",
                "CircuitBreaker:ProbeCount=4",
                "CircuitBreaker:RequireFiniteOutputs=False",
                "CircuitBreaker:SamplingDuration=00:00:20",
                "CircuitBreaker:SlowRunThreshold=00:00:00.0500000",
                "DrainTimeout=00:00:07",
                "Fallback:After=00:01:00",
                "Fallback:Model=two",
                "Fallback:StaleAnswer=True",
                "Fallback:Value:y=0.5",
                "IsDefault=True",
                "MaxConcurrentRuns=3",
                "Onnx:AllowExternalData=True",
                "Onnx:AllowSpinning=True",
                "Onnx:BatchAxes:x=0",
                "Onnx:BatchAxis=0",
                "Onnx:BatchDetection=None",
                "Onnx:BatchTolerance=0.001",
                "Onnx:ExecutionProviders:DeviceId=1",
                "Onnx:ExecutionProviders:Provider=Cuda",
                "Onnx:ExecutionProviders:Requirement=Required",
                "Onnx:ExecutionProviders:Settings:gpu_mem_limit=1073741824",
                "Onnx:FreeDimensions:N=4",
                "Onnx:InspectionLimits:MaxDepth=7",
                "Onnx:InspectionLimits:MaxDerivedBytes=77000",
                "Onnx:InspectionLimits:MaxEntries=72000",
                "Onnx:InspectionLimits:MaxExpandedNodes=75000",
                "Onnx:InspectionLimits:MaxLoopTrips=76000",
                "Onnx:InspectionLimits:MaxNameLength=7300",
                "Onnx:InspectionLimits:MaxNodes=70000",
                "Onnx:InspectionLimits:MaxTensors=71000",
                "Onnx:InspectionLimits:MaxTextBytes=74000",
                "Onnx:InterOpThreads=2",
                "Onnx:IntraOpThreads=2",
                "Onnx:LoadTimeout=00:01:10",
                "Onnx:MaxIdleLaneBytes=2000000",
                "Onnx:MaxModelBytes=3000000",
                "Onnx:MaxQueuedRequests=5",
                "Onnx:MaxRequestBytes=1000000",
                "Onnx:NonFiniteInputs:x=NaN, NegativeInfinity",
                "Onnx:Optimization=Basic",
                $"Onnx:OptimizedModelCacheFolder={Path.Combine(_test.Folder, "cache")}",
                "Onnx:RunAtLoad=False",
                $"Onnx:SealKeyFile={Path.Combine(_test.Folder, "keys", "seal.key")}",
                "Onnx:SessionEntries:session.disable_prepacking=1",
                "Onnx:Sessions=2",
                "Onnx:TrialTime=00:00:00.3000000",
                "Onnx:UseArena=False",
                "Onnx:UseSharedThreadPool=True",
                "Onnx:Verification:MaxMemoryBytes=200000000",
                $"Onnx:Verification:SealKeyFile={Path.Combine(_test.Folder, "keys", "verdicts.key")}",
                "Onnx:Verification:Timeout=00:00:20",
                $"Onnx:Verification:ToolPath={Path.Combine(_test.Folder, "tools", "mlserve")}",
                $"Onnx:Verification:VerdictFolder={Path.Combine(_test.Folder, "verdicts")}",
                "Onnx:WarmUpRows=1",
                "Onnx:WarmUpRows=2",
                "Onnx:WarmUpRuns=0",
                "Onnx:WarmUpRuns=1",
                $"Path={Path.Combine(_test.Folder, "models", "one.onnx")}",
                $"Path={Path.Combine(_test.Folder, "models", "two.onnx")}",
                "Runtime:EnableTelemetry=False",
                "Runtime:ShareArena=False",
                "Runtime:SharedThreadPoolThreads=0",
                "ServiceLevel:Availability=0.999",
                "ServiceLevel:CostPerMillion=1.5",
                "ServiceLevel:P50=00:00:00.0020000",
                "ServiceLevel:P99=00:00:00.0100000",
                "ServiceLevel:PeakRps=500.5",
                "ServiceLevel:Quality=0.95",
                "Timeout=00:00:09",
                "UseBatching=True",
                "UseCache=True",
                "UseCircuitBreaker=True",
                "UseTimeout=True",
                "Version=2026-08",
            ],
            reached.Order(StringComparer.Ordinal));
        Assert.Equal(6, await host.Services.GetRequiredService<IPredictor>().SumAsync());
    }

    [Fact]
    public void AppSettingsOfThisTest_SetEveryOptionThereIs()
    {
        var existing = KeysOf(typeof(MlServingOptions)).Concat(KeysOf(typeof(ModelOptions)));

        var missing = existing.Where(static key => !Settings.Contains($"\"{key}\"", StringComparison.Ordinal));

        // Of a chain's maps, which this model has none of: ResilienceTests.
        Assert.Empty(missing.Except(
            [nameof(FallbackStepOptions.Maps), nameof(FallbackMapOptions.Output), nameof(FallbackMapOptions.Entries)]));
    }

    /// <summary>The values in which options differ from the defaults, as <c>key=value</c>.</summary>
    private static IEnumerable<string> ChangesIn(object options, object defaults, string prefix = "")
    {
        foreach (var property in ConfigurationShape.PropertiesOf(options.GetType()))
        {
            var key = prefix + property.Name;
            var value = property.GetValue(options);
            var usual = property.GetValue(defaults);
            var changes = value switch
            {
                IDictionary<string, IList<double>> map =>
                    map.Select(entry => $"{key}:{entry.Key}={string.Join(' ', entry.Value.Select(static number => Text(number)))}"),
                IDictionary map => map.Keys.Cast<object>().Select(entry => $"{key}:{entry}={Text(map[entry])}"),
                IEnumerable list and not string => list.Cast<object>().SelectMany(item => ConfigurationShape.IsObject(item.GetType())
                    ? ChangesIn(item, Activator.CreateInstance(item.GetType())!, key + ":")
                    : [$"{key}={Text(item)}"]),
                not null when ConfigurationShape.IsObject(property.PropertyType) => ChangesIn(value, usual!, key + ":"),
                _ => Equals(value, usual) ? [] : [$"{key}={Text(value)}"],
            };
            foreach (var change in changes)
                yield return change;
        }
    }

    private static IEnumerable<string> KeysOf(Type type)
    {
        foreach (var property in ConfigurationShape.PropertiesOf(type))
        {
            yield return property.Name;
            var nested = ConfigurationShape.ElementTypeOf(property.PropertyType) ?? property.PropertyType;
            if (!ConfigurationShape.IsObject(nested)) continue;
            foreach (var key in KeysOf(nested))
                yield return key;
        }
    }

    private static string Text(object? value) => string.Format(CultureInfo.InvariantCulture, "{0}", value);
}
