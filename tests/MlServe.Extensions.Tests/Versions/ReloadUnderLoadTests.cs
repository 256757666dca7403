using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using MlServe.Resilience;
using Xunit;

namespace MlServe;

/// <summary>Versions that take each other's place while requests come.</summary>
public sealed class ReloadUnderLoadTests : IDisposable
{
    private const int Callers = 8;
    private const int Reloads = 12;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly VersionHost _test = new();

    public void Dispose() => _test.Dispose();

    /// <summary>
    /// Version n has the weight n. Each answer is right for the version that it says it is of, and after a reload no request is answered by
    /// an earlier one.
    /// </summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Reload_RequestsComeAllTheWhile_NoneFailsOrIsWrong(bool isPiped, bool byConfiguration)
    {
        await _test.StartAsync(model =>
        {
            if (isPiped) model.UseStandardPipeline().UseFallback(static chain => chain.ThenStaleAnswer());
        });
        var (live, stop, asked, wrong) = (1, 0, 0, new ConcurrentQueue<string>());

        async Task CallAsync(int caller)
        {
            for (var i = 0; Volatile.Read(ref stop) == 0; i++)
            {
                // Some rows are asked for again and again, some once.
                var row = new float[] { i % 3 == 0 ? i : i % 5, caller % 2, 1 };
                var least = Volatile.Read(ref live);
                using var answer = await _test.Predictor.PredictAsync(PredictionInputs.Row(row), cancellationToken: Token);
                Interlocked.Increment(ref asked);
                if (!answer.IsOk) wrong.Enqueue(answer.Error.Message);
                else if (!int.TryParse(answer.Origin.Model!.Version, out var version)
                    || answer["y"].ToScalar<float>() != row.Sum() * version || version < least)
                    wrong.Enqueue(
                        $"{answer["y"].ToScalar<float>()} of {row.Sum()} by version {answer.Origin.Model!.Version}, {least} or later");
            }
        }

        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallAsync(caller), Token)).ToList();
        for (var version = 2; version <= Reloads; version++)
        {
            var before = Volatile.Read(ref asked);
            _test.Write($"{version}.onnx", weight: version);
            (string, string?)[] change = [("m:Path", $"{version}.onnx"), ("m:Version", $"{version}")];
            _test.Set(change);
            if (byConfiguration) await VersionHost.WaitAsync(() => _test.Versions.Live!.Identity.Version == $"{version}", "the version");
            else Assert.Equal($"{version}", (await _test.Versions.ReloadAsync(Token)).Identity.Version);
            Volatile.Write(ref live, version);
            await VersionHost.WaitAsync(() => Volatile.Read(ref asked) > before + Callers || !wrong.IsEmpty, "requests");
        }

        Volatile.Write(ref stop, 1);
        await Task.WhenAll(callers);

        Assert.Empty(wrong);
        await VersionHost.WaitAsync(() => _test.Versions.All.Count == 1, "the end of all former versions");
        Assert.True(_test.Events.OfType<ModelReloaded>().Count() >= Reloads - 1);
        Assert.Equal(_test.Events.OfType<ModelReloaded>().Count(), _test.Events.OfType<ModelVersionClosed>().Count());
    }

    /// <summary>Former versions are closed, and not kept by what stands around them.</summary>
    [Fact]
    public async Task Reload_FormerVersion_IsGivenBack()
    {
        await _test.StartAsync(static model => model.UseStandardPipeline());
        await _test.Predictor.SumAsync();

        var former = await ReloadAsync();
        await VersionHost.WaitAsync(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return !former.TryGetTarget(out _);
            },
            "the former version to be collected");

        Assert.Equal(6, await _test.Predictor.SumAsync());
    }

    [Fact]
    public async Task Reload_TargetOfAnothersChain_StandsInAllTheWhile()
    {
        await _test.StartAsync(settings: [("MlServing:Models:front:Path", "m.onnx"), ("MlServing:Models:front:UseCircuitBreaker", "true"),
            ("MlServing:Models:front:Fallback:0:Model", "m")]);
        var front = _test.Services.GetRequiredKeyedService<IPredictor>("front");
        front.GetService<ICircuitBreaker>()!.Isolate();

        for (var weight = 2; weight < 6; weight++)
        {
            _test.Write("m.onnx", weight);
            await _test.Versions.ReloadAsync(Token);
            Assert.Equal(6 * weight, await front.SumAsync());
        }
    }

    /// <summary>A listener keeps a series for each value of a tag.</summary>
    [Fact]
    public async Task Reload_ManyVersions_HaveABoundedNumberOfTagsInEveryMetric()
    {
        await _test.StartAsync(static model => model.UseStandardPipeline().UseFallback(static chain => chain.ThenValue("y", 1f)));
        var meters = _test.Services.GetRequiredService<IMeterFactory>();
        var values = new ConcurrentDictionary<string, ConcurrentDictionary<string, bool>>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters)) listener.EnableMeasurementEvents(instrument);
            },
        };
        void Add(string instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var isOurs = false;
            string? version = null;
            foreach (var (key, value) in tags)
            {
                if (key == MlServeDiagnostics.ModelTag) isOurs = (string?)value == "m";
                if (key == MlServeDiagnostics.VersionTag) version = (string?)value;
            }

            if (isOurs && version is not null) values.GetOrAdd(instrument, static _ => new()).TryAdd(version, true);
        }

        listener.SetMeasurementEventCallback<int>((instrument, _, tags, _) => Add(instrument.Name, tags));
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Add(instrument.Name, tags));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Add(instrument.Name, tags));
        listener.Start();

        for (var version = 0; version < 24; version++)
        {
            _test.Set(("m:Version", $"v{version}"));
            await _test.Versions.ReloadAsync(Token);
            await _test.Predictor.SumAsync();
            var circuit = _test.Predictor.GetService<ICircuitBreaker>()!;
            circuit.Isolate();
            await _test.Predictor.SumAsync();
            listener.RecordObservableInstruments();
        }

        Assert.Contains(MlServeDiagnostics.CircuitTransitionsMetric, values.Keys);
        Assert.Contains(MlServeDiagnostics.CircuitActiveMetric, values.Keys);
        Assert.Contains(MlServeDiagnostics.PredictionDurationMetric, values.Keys);
        Assert.All(values, static metric => Assert.InRange(metric.Value.Count, 10, 17));
    }

    private async Task<WeakReference<ModelVersion>> ReloadAsync()
    {
        var former = new WeakReference<ModelVersion>(_test.Versions.Live!);
        await _test.Versions.ReloadAsync(Token);
        return former;
    }
}
