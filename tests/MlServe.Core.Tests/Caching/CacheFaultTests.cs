using Microsoft.Extensions.Caching.Hybrid;
using MlServe.Caching;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

/// <summary>What the cache leans on may fail in any way: that costs no answer, and what is counted stays right.</summary>
public sealed class CacheFaultTests
{
    private static readonly ModelIdentity Identity = new("m", "1", "0123456789abcdef");

    [Fact]
    public async Task PredictAsync_ModelHangs_EachWaitsNoLongerThanTheTimeoutOfThePipeline()
    {
        using var clock = new CacheHarness(new FakePredictor());
        var time = clock.Time;
        var hanging = new FakePredictor(static async (_, token) =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return default;
        });
        using var pipeline = new PredictorBuilder(hanging).UseCache(static cache => cache.SwitchOffWhenUseless = false)
            .UseTimeout(TimeSpan.FromSeconds(30))
            .Build(new FakeServices(time));
        var tasks = Enumerable.Range(0, 10)
            .Select(_ => pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask()).ToList();
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.DoesNotContain(tasks, static task => task.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        // One that takes over in this moment has a tick left, which passes like any other time.
        await Eventually.BecomesTrue(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(1));
                return tasks.TrueForAll(static task => task.IsCompleted);
            },
            "everybody's time is over");
        foreach (var task in tasks)
            Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
    }

    [Fact]
    public async Task PredictAsync_CopyCannotBeLookedAt_TheCopyIsGivenBackAndTheNextRequestIsAnswered()
    {
        var inner = new FakePredictor();
        var hasher = new ThrowingHasher();
        using var harness = new CacheHarness(inner, hasher: hasher);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await harness.Cache.PredictAsync(Answers.Request(1)));

        Assert.Equal(0, inner.Calls);
        Assert.Throws<UnreadableInputException>(() => Answers.IdOf(in hasher.Copy));
        Assert.Equal(PredictionSource.Model, await harness.SourceOf(1));
        Assert.Equal(PredictionSource.Cache, await harness.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_TakesOverLate_HasWhatIsLeftOfTheTimeoutOfThePipeline()
    {
        using var clock = new CacheHarness(new FakePredictor());
        var time = clock.Time;
        var hanging = new FakePredictor(static async (_, token) =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return default;
        });
        using var pipeline = new PredictorBuilder(hanging).UseCache(static cache => cache.SwitchOffWhenUseless = false)
            .UseTimeout(TimeSpan.FromSeconds(30))
            .Build(new FakeServices(time));
        var first = pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask();
        await Eventually.BecomesTrue(() => hanging.Calls == 1, "the first computes");
        time.Advance(TimeSpan.FromSeconds(20));
        var second = pipeline.PredictAsync(Answers.Request(1), null, TestContext.Current.CancellationToken).AsTask();
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await first).Status);
        await Eventually.BecomesTrue(() => hanging.Calls == 2, "the second computes");
        Assert.False(second.IsCompleted);
        Assert.Equal(TimeSpan.FromSeconds(20), hanging.LastOptions?.Timeout);
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await second).Status);
    }

    [Fact]
    public async Task PredictAsync_WaitsWithATimeoutBeyondAllTimers_IsAnswered()
    {
        var inner = new PendingPredictor();
        using var harness = new CacheHarness(inner);
        var first = harness.Cache.PredictAsync(Answers.Request(1)).AsTask();
        var second = harness.Cache.PredictAsync(Answers.Request(1), new() { Timeout = TimeSpan.MaxValue }).AsTask();
        harness.Time.Advance(TimeSpan.FromDays(100));
        inner.Fail(new OperationCanceledException("The first has given up."));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Eventually.BecomesTrue(() => inner.Pending == 1, "the second computes");
        inner.Answer();
        Assert.Equal(1, Answers.Read(await second));
    }

    [Fact]
    public async Task PredictAsync_WaitsForAnOldAnswer_HearsItsAge()
    {
        var hybrid = new Shared();
        using (var first = new CacheHarness(
            new FakePredictor { Service = Identity }, static options => options.UseHybridCache = true, services: hybrid))
        {
            await first.SourceOf(1);
            await Eventually.BecomesTrue(() => hybrid.Entries.Count == 1, "the answer is passed on");
        }

        using var second = new CacheHarness(
            new FakePredictor { Service = Identity }, static options => options.UseHybridCache = true, services: hybrid);
        second.Time.SetUtcNow(second.Time.GetUtcNow().AddMinutes(3));
        hybrid.Gate = new();
        var leads = second.Cache.PredictAsync(Answers.Request(1)).AsTask();
        var waits = second.Cache.PredictAsync(Answers.Request(1)).AsTask();
        hybrid.Gate.SetResult();
        using var answer = await leads;
        using var same = await waits;
        Assert.Equal((TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(3)), (answer.Origin.Age, same.Origin.Age));
    }

    [Fact]
    public async Task PredictAsync_CallerGivesUpAndTheHybridCacheFailsLater_NoExceptionIsLeftUnobserved()
    {
        var unobserved = 0;
        void Count(object? sender, UnobservedTaskExceptionEventArgs arguments)
        {
            if (arguments.Exception.InnerException is TimeZoneNotFoundException) Interlocked.Increment(ref unobserved);
        }

        TaskScheduler.UnobservedTaskException += Count;
        try
        {
            for (var i = 0; i < 5; i++)
                await GiveUpAsync();
            for (var i = 0; i < 5; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                await Task.Yield();
            }
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Count;
        }

        Assert.Equal(0, unobserved);
    }

    private static async Task GiveUpAsync()
    {
        var hybrid = new Shared { Gate = new() };
        using var harness = new CacheHarness(
            new FakePredictor { Service = Identity }, static options => options.UseHybridCache = true, services: hybrid);
        using var source = new CancellationTokenSource();
        var task = harness.Cache.PredictAsync(Answers.Request(1), cancellationToken: source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        // No exception that anything else in the process throws.
        hybrid.Gate.SetException(new TimeZoneNotFoundException());
        await Eventually.BecomesTrue(() => hybrid.Ended == 1, "the read has failed");
    }

    private sealed class Shared : HybridCache
    {
        private int _ended;

        public System.Collections.Concurrent.ConcurrentDictionary<string, byte[]> Entries { get; } = new();

        public TaskCompletionSource? Gate { get; set; }

        public int Ended => Volatile.Read(ref _ended);

        public override async ValueTask<T> GetOrCreateAsync<TState, T>(
            string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
            IEnumerable<string>? tags = null,
            CancellationToken cancellationToken = default)
        {
            try
            {
                if (Gate is { } gate) await gate.Task;
                return Entries.TryGetValue(key, out var bytes) ? (T)(object)bytes : default!;
            }
            finally
            {
                Interlocked.Increment(ref _ended);
            }
        }

        public override ValueTask SetAsync<T>(
            string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null,
            CancellationToken cancellationToken = default)
        {
            Entries[key] = (byte[])(object)value!;
            return default;
        }

        public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();
    }

    /// <summary>Throws at the second look, which is that at a request's copy.</summary>
    private sealed class ThrowingHasher : IRequestHasher
    {
        private int _looks;
        private PredictionInputs _copy;

        public ref readonly PredictionInputs Copy => ref _copy;

        public bool TryHash(in PredictionInputs inputs, OutputSelection outputs, out RequestKey key)
        {
            if (++_looks != 2) return RequestHasher.Instance.TryHash(in inputs, outputs, out key);
            _copy = inputs;
            throw new InvalidOperationException("boom");
        }
    }
}
