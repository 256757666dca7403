using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace MlServe.Hosting;

/// <summary>In a host, too, all that a call waits for counts as one time: its own or the model's.</summary>
public sealed class OneDeadlineTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(100);

    private readonly TestHost _test = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly HangingCache _hybrid = new();
    private int _waiting;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    public void Dispose() => _test.Dispose();

    /// <summary>A call ends when its time is over at the latest, and the clock does not move any further for it.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task PredictAsync_WaitsBeforeEachStage_AllOfThemTakeNoLongerThanTheOneDeadline(int seed)
    {
        var random = new Random(seed);
        var (hasFallback, isOfCall) = (random.Next(2) == 0, random.Next(2) == 0);
        var said = new List<string>();
        _test.WriteModel("other.onnx", weight: 2);
        using var host = await _test.StartAsync(
            services => services.AddSingleton<TimeProvider>(_clock).AddSingleton<HybridCache>(_hybrid)
                .AddMlServing()
                .AddModel("sum", model => Configure(model, new(seed), hasFallback, !isOfCall, said))
                .AddModel("other", model => model.FromFile("other.onnx")
                    .Use(inner => new Waiting(this, inner, isFailing: random.Next(2) == 0))),
            """{ "MlServing": { "Models": { "sum": { "Path": "m.onnx" } } } }""");
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("sum");
        _hybrid.IsHanging = true;
        try
        {
            var options = isOfCall || hasFallback ? new PredictionOptions { Timeout = Limit } : null;
            var calls = new List<Task<Prediction>>();
            for (var i = 0; i < 3; i++)
                calls.Add(predictor.PredictAsync(Asking.OneTwoThree, options, TestContext.Current.CancellationToken).AsTask());
            for (var left = Limit; left > TimeSpan.Zero;)
            {
                // A moment for waiting code to come to its next wait; where that is too short it waits later, and the test sees less.
                await Task.Delay(1, TestContext.Current.CancellationToken);
                var step = TimeSpan.FromMilliseconds(Math.Min(random.Next(1, 30), left.TotalMilliseconds));
                _clock.Advance(step);
                left -= step;
            }

            foreach (var call in calls)
            {
                await Eventually.BecomesTrue(
                    () => call.IsCompleted, $"{string.Join(" > ", said)} ends when its time is over ({isOfCall}, {hasFallback})");
                (await call).Dispose();
            }
        }
        finally
        {
            _hybrid.IsHanging = false;
            await Eventually.BecomesTrue(
                () =>
                {
                    _clock.Advance(TimeSpan.FromSeconds(1));
                    return Volatile.Read(ref _waiting) == 0;
                },
                "all layers end");
        }

        var stopping = host.StopAsync(TestContext.Current.CancellationToken);
        await Eventually.BecomesTrue(
            () =>
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                return stopping.IsCompleted;
            },
            "the host stops");
    }

    private void Configure(ModelBuilder model, Random random, bool hasFallback, bool hasLimit, List<string> said)
    {
        if (hasFallback) model.UseFallback(static chain => chain.To("other").ThenValue("y", 9f));
        if (hasLimit) model.UseTimeout(Limit);
        for (var layers = random.Next(4) - 1; layers > 0; layers--)
        {
            var isFailing = hasFallback && random.Next(3) == 0;
            model.Use(inner => new Waiting(this, inner, isFailing));
            said.Add(isFailing ? "fails late" : "passes late");
        }

        if (random.Next(4) > 0)
        {
            var time = TimeSpan.FromMilliseconds(random.Next(5, 400));
            model.UseCache(options => (options.UseHybridCache, options.HybridCacheTimeout) = (true, time));
            said.Add($"cache {time.TotalMilliseconds}");
        }

        if (random.Next(2) == 0)
        {
            model.UseCircuitBreaker();
            said.Add("breaker");
        }

        if (random.Next(2) == 0) return;
        model.UseBatching();
        said.Add("batching");
    }

    private sealed class Waiting(OneDeadlineTests owner, IPredictor inner, bool isFailing) : DelegatingPredictor(inner)
    {
        private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(35);

        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref owner._waiting);
            try
            {
                await Task.Delay(Wait, owner._clock, CancellationToken.None);
                return isFailing
                    ? Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "It fails late."))
                    : await Inner.PredictAsync(inputs, options, cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref owner._waiting);
            }
        }
    }

    private sealed class HangingCache : HybridCache
    {
        public bool IsHanging { get; set; }

        public override async ValueTask<T> GetOrCreateAsync<TState, T>(
            string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
            IEnumerable<string>? tags = null, CancellationToken cancellationToken = default)
        {
            if (IsHanging) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return default!;
        }

        public override ValueTask SetAsync<T>(
            string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
            CancellationToken cancellationToken = default) => default;

        public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) => default;

        public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) => default;
    }
}
