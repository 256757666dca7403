using Microsoft.Extensions.Time.Testing;
using MlServe.Onnx;
using MlServe.Tests.Caching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Engine;

/// <summary>
/// A call may wait in many places, one after the other: in a layer, for the second level of the cache, for an equal request, for a model of
/// the fallback chain, in line. All of it counts as one time.
/// </summary>
public sealed class OneDeadlineTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 60)];

    /// <summary>The model never answers: a call ends when its time is over, and the clock does not move any further for it.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task PredictAsync_WaitsBeforeEachStage_AllOfThemTakeNoLongerThanTheOneDeadline(int seed)
    {
        var random = new Random(seed);
        var clock = new FakeTimeProvider();
        var gate = new RunGate(1);
        var waits = new Waits(clock, new(seed));
        var hybrid = new FakeHybridCache { Hangs = true };
        using var model = TinyModels.Affine().Load(null, new() { RunGate = gate, TimeProvider = clock });
        using var another = TinyModels.Identity(Tensors.ElementType.Float, "N", 4L)
            .Load(null, new() { Name = "another", RunGate = gate, TimeProvider = clock });
        var composition = new Composition(random, waits, model, another);
        var pipeline = composition.Build(new FakeServices(clock, gate, hybrid));
        Assert.True(gate.TryEnter());
        try
        {
            var calls = new List<(Task<Prediction> Task, TimeSpan End)>();
            var now = TimeSpan.Zero;
            while (calls.Count < 3 || calls.Exists(static call => !call.Task.IsCompleted))
            {
                if (calls.Count < 3)
                {
                    // Its time begins within the call.
                    var limit = composition.Limit ?? Milliseconds(random.Next(20, 200));
                    var options = composition.Limit is null ? new PredictionOptions { Timeout = limit } : null;
                    calls.Add((pipeline.PredictAsync(PredictionInputs.Row(new float[4]), options, Ct).AsTask(), now + limit));
                }

                // To the next deadline at most, in steps between which waiting code goes on.
                var next = calls.Where(call => call.End > now).Select(static call => call.End).DefaultIfEmpty(now).Min();
                var step = Milliseconds(random.Next(1, 40));
                if (now + step > next) step = next - now;
                await Waits.SettleAsync();
                clock.Advance(step);
                now += step;
                foreach (var (task, _) in calls.Where(call => call.End <= now))
                    await Eventually.BecomesTrue(() => task.IsCompleted, $"{composition} ends when its time is over");
            }

            foreach (var (task, _) in calls)
                (await task).Dispose();
        }
        finally
        {
            // Layers that go on although their time is over, and what they still ask for, end as the clock goes on.
            gate.Exit();
            var closing = pipeline.DisposeAsync().AsTask();
            await Eventually.BecomesTrue(
                () =>
                {
                    clock.Advance(TimeSpan.FromSeconds(1));
                    return waits.Running == 0 && closing.IsCompleted;
                },
                "all layers end, and the pipeline is closed");
        }
    }

    /// <summary>One that is told a time in place of a moment begins it anew: those that do are the application's layers.</summary>
    [Fact]
    public void Predictors_OfThisHouse_TakeTheMomentAndHandItOn()
    {
        string[] callsApplication = ["ChaosPredictor", "PollyPredictor", "StepPredictor"];
        var others = typeof(Pipeline).Assembly.GetTypes()
            .Where(static type => type is { IsClass: true, IsAbstract: false } && typeof(IPredictor).IsAssignableFrom(type))
            .Where(static type => !typeof(ITakesDeadlines).IsAssignableFrom(type))
            .Select(static type => type.Name);
        Assert.Equal(callsApplication, others.Order());
    }

    /// <summary>A pipeline of layers in any order, and how long calls may take that do not say.</summary>
    private sealed class Composition
    {
        private readonly PredictorBuilder _builder;
        private readonly List<string> _said = [];

        public Composition(Random random, Waits waits, IPredictor model, IPredictor another)
        {
            _builder = new(model);
            var limits = new List<TimeSpan>();
            var (hasFallback, hasCache, isForeign) = (false, false, false);
            for (var layers = random.Next(2, 7); layers > 0; layers--)
            {
                switch (random.Next(6))
                {
                    case 0:
                        var (fails, heeds) = (random.Next(3) == 0, random.Next(2) == 0);
                        Add(fails ? "fails late" : "passes late", builder => builder.Use(inner => waits.Around(inner, fails, heeds)));
                        isForeign = true;
                        break;
                    case 1:
                        limits.Add(Milliseconds(random.Next(20, 200)));
                        Add($"timeout {limits[^1].TotalMilliseconds}", builder => builder.UseTimeout(limits[^1]));
                        break;
                    case 2:
                        Add("telemetry", static builder => builder.UseTelemetry("model"));
                        break;
                    case 3 when !hasFallback && !hasCache:
                        var after = random.Next(2) == 0 ? Milliseconds(random.Next(1, 50)) : (TimeSpan?)null;
                        var other = new PredictorBuilder(another).Use(inner => waits.Around(inner, fails: true, heeds: false)).Build();
                        Add("fallback", builder => builder.UseFallback(chain =>
                        {
                            chain.To(other, "other");
                            if (after is { } late) chain.After(late);
                            chain.Then(async (_, _, token) => await waits.FailAsync(token))
                                .To(waits.Around(another, fails: false, heeds: false), "raw");
                        }));
                        hasFallback = true;
                        break;
                    case 4 when !hasCache:
                        var limit = Milliseconds(random.Next(5, 150));
                        Add($"cache {limit.TotalMilliseconds}", builder => builder.UseCache(options =>
                            (options.UseHybridCache, options.HybridCacheTimeout) = (random.Next(4) > 0, limit)));
                        hasCache = true;
                        break;
                    default:
                        Add("passing", static builder => builder.Use(static inner => inner));
                        break;
                }
            }

            if (random.Next(2) == 0) Add("breaker", static builder => builder.UseCircuitBreaker());
            TimeSpan? batching = random.Next(2) == 0 ? Milliseconds(random.Next(20, 200)) : null;
            if (random.Next(2) == 0)
                Add($"batching {batching?.TotalMilliseconds}", builder => builder.UseBatching(options => options.Timeout = batching));
            else
                batching = null;
            if (hasFallback || random.Next(3) == 0) return;
            Limit = limits.Count > 0 ? limits.Min() : isForeign ? null : batching;
        }

        /// <summary>How long calls may take that do not say; null: they have to say.</summary>
        public TimeSpan? Limit { get; }

        public IPredictor Build(IServiceProvider services) => _builder.Build(services);

        public override string ToString() => $"{string.Join(" > ", _said)} (limit {Limit})";

        private void Add(string said, Action<PredictorBuilder> add)
        {
            add(_builder);
            _said.Add(said);
        }
    }

    /// <summary>Layers that wait, each time for another while.</summary>
    private sealed class Waits(TimeProvider clock, Random random)
    {
        private readonly Lock _lock = new();
        private int _running;

        public int Running => Volatile.Read(ref _running);

        public IPredictor Around(IPredictor inner, bool fails, bool heeds) => new Layer(this, inner, fails, heeds);

        public async Task<Prediction> FailAsync(CancellationToken token)
        {
            await WaitAsync(token);
            return Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "It fails late."));
        }

        /// <summary>
        /// Gives waiting code a moment to come to its next wait. Where that is too short it waits later, and only sees less.
        /// </summary>
        public static async Task SettleAsync()
        {
            await Task.Delay(1, Ct);
        }

        private async Task WaitAsync(CancellationToken token)
        {
            int wait;
            lock (_lock)
                wait = random.Next(0, 150);
            Interlocked.Increment(ref _running);
            try
            {
                await Task.Delay(Milliseconds(wait), clock, token);
            }
            finally
            {
                Interlocked.Decrement(ref _running);
            }
        }

        private sealed class Layer(Waits owner, IPredictor inner, bool fails, bool heeds) : DelegatingPredictor(inner)
        {
            public override async ValueTask<Prediction> PredictAsync(
                PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
            {
                var token = heeds ? cancellationToken : CancellationToken.None;
                if (fails) return await owner.FailAsync(token);
                await owner.WaitAsync(token);
                return await Inner.PredictAsync(inputs, options, token);
            }
        }
    }

    private static TimeSpan Milliseconds(int count) => TimeSpan.FromMilliseconds(count);
}
