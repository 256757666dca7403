using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MlServe.Caching;
using MlServe.Onnx;
using MlServe.Resilience;
using Polly;
using Xunit;

namespace MlServe.Hosting;

/// <summary>A warm-up goes through all layers, and the layers do not know.</summary>
public sealed class WarmUpTwinsTests : IDisposable
{
    private readonly TestHost _content = new();

    [Fact]
    public async Task StartAsync_AllLayers_KeepNoTrace()
    {
        var (measured, checks, attempts, functions) = (new ConcurrentDictionary<string, double>(), 0, 0, 0);
        using var meters = Listen("traced", measured);
        var hybrid = new CountingHybridCache();
        var polly = new ResiliencePipelineBuilder<Prediction>()
            .AddRetry(new()
            {
                MaxRetryAttempts = 1,
                Delay = TimeSpan.Zero,
                ShouldHandle = _ => new(Interlocked.Increment(ref attempts) < 0),
            }).Build();
        using var host = await _content.StartAsync(
            services =>
            {
                services.AddSingleton<HybridCache>(hybrid);
                services.AddMlServing()
                    .AddModel("traced", model => model
                        .FromFile("m.onnx").AsDefault()
                        .UseStandardPipeline().UseHybridCache().UseCache()
                        .UseResiliencePipeline(polly)
                        .UseFallback(fallback => fallback.Then((_, _, _) =>
                        {
                            Interlocked.Increment(ref functions);
                            return new(Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.None, "no")));
                        }))
                        .UseCircuitBreaker(breaker =>
                        {
                            // A single run that the circuit hears of opens it.
                            (breaker.MinimumThroughput, breaker.FailureRatio, breaker.SlowRunThreshold) = (2, 1e-9, TimeSpan.FromTicks(1));
                            breaker.OutputCheck = _ => Interlocked.Increment(ref checks) > 0;
                        }));
            },
            """{ "MlServing": { "Models": { "traced": { "Chaos": { "Enabled": true, "FailureRate": 1 } } } } }""");
        var predictor = host.Services.GetRequiredService<IPredictor>();
        meters.RecordObservableInstruments();

        Assert.Equal((0, 0, 0), (checks, attempts, functions));

        // Opened, for what connects and compiles there is no twin of; with a key that nobody keeps.
        Assert.StartsWith("mlserve:warm-up:", Assert.Single(hybrid.Uses.Distinct()), StringComparison.Ordinal);
        var cache = predictor.GetService<CacheStatistics>()!;
        Assert.Equal((0L, 0L, 0L, 0L, 0L), (cache.Hits, cache.Misses, cache.Bypassed, cache.Entries, cache.SecondLevelHits));
        Assert.Equal(CircuitState.Closed, predictor.GetService<ICircuitBreaker>()!.State);
        Assert.Equal(0, predictor.GetService<FallbackStatistics>()!.Requests);
        Assert.DoesNotContain(measured, static measurement => measurement.Value != 0 && !Steady.Contains(measurement.Key));

        // What the warm-up did not do, a request does.
        using var prediction = await AskAsync(predictor);
        Assert.Equal((PredictionStatus.Failed, 1L), (prediction.Status, predictor.GetService<FallbackStatistics>()!.Requests));
        Assert.Equal((1, true, 1), (attempts, hybrid.Uses.Count > 1, functions));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task StartAsync_WarmableLayers_SeeTwinsOfTheOthers(bool fallback)
    {
        var (outside, inside) = (new Calls(), new Calls());
        var seen = new ConcurrentQueue<(bool Cache, bool Breaker, bool Fallback)>();
        _content.WriteModel("other.onnx", weight: 2);
        using var host = await _content.StartAsync(services => services.AddSingleton<TimeProvider>(new FakeTimeProvider())
            .AddMlServing()
            .AddModel("m", model =>
        {
            model.FromFile("m.onnx").AsDefault()
                .Use(inner => new Warm(inner, outside, twin => seen.Enqueue(
                    (twin.GetService<CacheStatistics>() is not null, twin.GetService<ICircuitBreaker>() is not null,
                        twin.GetService<FallbackStatistics>() is not null))))
                .UseCache()
                .Use(inner => new Warm(inner, inside))
                .UseTimeout().UseCircuitBreaker().UseBatching();
            if (fallback) model.UseFallback(static chain => chain.To("other").After(TimeSpan.FromSeconds(5)));
        }).AddModel("other", static model => model.FromFile("other.onnx")));

        // Two equal requests a round, of which the cache answers one.
        Assert.Equal((0, 20, 10), (outside.Real + inside.Real, outside.Twins, inside.Twins));
        Assert.Equal(10, seen.Count);
        Assert.All(seen, static what => Assert.Equal((true, true, false), what));
        using var prediction = await AskAsync(host.Services.GetRequiredService<IPredictor>());
        Assert.Equal((true, PredictionSource.Model, 1, 1), (prediction.IsOk, prediction.Origin.Source, outside.Real, inside.Real));
        Assert.Equal(20, outside.TwinsMade + inside.TwinsMade);
        Assert.Equal(20, outside.TwinsDisposed + inside.TwinsDisposed);
    }

    [Fact]
    public async Task StartAsync_TwinThrows_IsReadyAndSaysSo()
    {
        var logs = new FakeLogCollector();
        using var host = await _content.StartAsync(services =>
        {
            services.AddLogging().AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs));
            services.AddMlServing().AddModel("m", static model => model.FromFile("m.onnx").Use(static inner => new Broken(inner, null)));
        });

        using var prediction = await AskAsync(host.Services.GetRequiredService<IPredictor>());
        Assert.True(prediction.IsOk);
        var warning = Assert.Single(logs.GetSnapshot(), static log => log.Id.Id == 4007);
        Assert.Equal((LogLevel.Warning, "no twin today"), (warning.Level, warning.Exception!.Message));
        Assert.Contains("'m'", $"'{warning.GetStructuredStateValue("Model")}'", StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_LayerIsItsOwnTwin_IsNotAsked()
    {
        var logs = new FakeLogCollector();
        using var host = await _content.StartAsync(services =>
        {
            services.AddLogging().AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs));
            services.AddMlServing()
                .AddModel("m", static model => model.FromFile("m.onnx").Use(static inner => new Broken(inner, static (self, _) => self)));
        });

        Assert.Contains(
            "returned the layer itself", Assert.Single(logs.GetSnapshot(), static log => log.Id.Id == 4007).Exception!.Message,
            StringComparison.Ordinal);
        using var prediction = await AskAsync(host.Services.GetRequiredService<IPredictor>());
        Assert.True(prediction.IsOk);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task StartAsync_TwinNeverAnswers_IsReadyAfterTheLimit(bool holdsItsThread)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var time = new FakeTimeProvider();
        var (entered, release) = (new TaskCompletionSource(), new ManualResetEventSlim());
        using var host = _content.Build(services =>
        {
            services.AddSingleton<TimeProvider>(time);
            services.AddMlServing()
                .AddModel("m", model => model.FromFile("m.onnx").Use(inner => new Broken(inner, (_, inner) => new Hanging(inner, () =>
            {
                entered.TrySetResult();
                if (holdsItsThread) release.Wait(cancellationToken);
                return new TaskCompletionSource<Prediction>().Task;
            }))));
        });
        try
        {
            var starting = host.StartAsync(cancellationToken);
            await entered.Task.WaitAsync(cancellationToken);
            time.Advance(PipelineWarmUp.Limit - TimeSpan.FromTicks(1));
            Assert.False(starting.IsCompleted);
            while (!starting.IsCompleted)
            {
                time.Advance(TimeSpan.FromMilliseconds(1));
                await Task.Yield();
            }

            await starting;
            using var prediction = await AskAsync(host.Services.GetRequiredService<IPredictor>());
            Assert.True(prediction.IsOk);
        }
        finally
        {
            release.Set();
        }
    }

    [Fact]
    public async Task StartAsync_CancelledInTheWarmUp_GivesTheLoadUp()
    {
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var host = _content.Build(services =>
            services.AddMlServing()
                .AddModel("m", model => model.FromFile("m.onnx").Use(inner => new Broken(inner, (_, inner) => new Hanging(inner, () =>
            {
                cancelled.Cancel();
                return new TaskCompletionSource<Prediction>().Task;
            })))));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.StartAsync(cancelled.Token));
    }

    public void Dispose() => _content.Dispose();

    /// <summary>What is not zero in a host where nothing has been asked.</summary>
    private static readonly string[] Steady = [MlServeDiagnostics.CircuitActiveMetric, MlServeDiagnostics.CacheActiveMetric,
        MlServeDiagnostics.BatchSizeMetric, MlServeDiagnostics.BatchDurationMetric, MlServeDiagnostics.BatchQueueDurationMetric];

    private static ValueTask<Prediction> AskAsync(IPredictor predictor) =>
        predictor.PredictAsync(PredictionInputs.Row([1f, 2, 3]), cancellationToken: TestContext.Current.CancellationToken);

    private static MeterListener Listen(string model, ConcurrentDictionary<string, double> measured)
    {
        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var tag in tags)
            {
                if (tag.Value is string name && name == model) measured.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
            }
        }

        var meters = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == MlServeDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
            },
        };
        meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        meters.Start();
        return meters;
    }

    private sealed class Calls
    {
        public int Real;
        public int Twins;
        public int TwinsMade;
        public int TwinsDisposed;
    }

    private sealed class Warm(IPredictor inner, Calls calls, Action<IPredictor>? onTwin = null, bool isTwin = false)
        : DelegatingPredictor(inner), IWarmable
    {
        public IPredictor CreateWarmUpTwin(IPredictor inner)
        {
            Interlocked.Increment(ref calls.TwinsMade);
            onTwin?.Invoke(inner);
            return new Warm(inner, calls, isTwin: true);
        }

        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref isTwin ? ref calls.Twins : ref calls.Real);
            return base.PredictAsync(inputs, options, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && isTwin) Interlocked.Increment(ref calls.TwinsDisposed);
            base.Dispose(disposing);
        }
    }

    private sealed class Broken(IPredictor inner, Func<IPredictor, IPredictor, IPredictor>? twin) : DelegatingPredictor(inner), IWarmable
    {
        public IPredictor CreateWarmUpTwin(IPredictor inner) =>
            twin?.Invoke(this, inner) ?? throw new InvalidOperationException("no twin today");
    }

    private sealed class Hanging(IPredictor inner, Func<Task<Prediction>> answer) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) => new(answer());
    }

    private sealed class CountingHybridCache : HybridCache
    {
        public ConcurrentQueue<string> Uses { get; } = new();

        public override ValueTask<T> GetOrCreateAsync<TState, T>(
            string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
            IEnumerable<string>? tags = null,
            CancellationToken cancellationToken = default)
        {
            Uses.Enqueue(key);
            return new(default(T)!);
        }

        public override ValueTask SetAsync<T>(
            string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
            CancellationToken cancellationToken = default)
        {
            Uses.Enqueue(key);
            return default;
        }

        public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();
    }
}
