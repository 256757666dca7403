using System.Diagnostics;
using MlServe.Batching;
using MlServe.Tests.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Caching;

/// <summary>
/// Whose priority, time and context a run has that several callers wait for: nobody is worse off for an equal request that came before.
/// </summary>
public sealed class SharedRunTests : IDisposable
{
    private static readonly AsyncLocal<string?> Tenant = new();
    private static readonly PredictionOptions Bulk = new() { Priority = RequestPriority.Bulk };

    private readonly PendingPredictor _inner = new();
    private readonly CacheHarness _harness;

    public SharedRunTests() => _harness = new(_inner);

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task PredictAsync_NormalAfterAnEqualOneInBulk_DoesNotWaitAtTheBacksOfOthers()
    {
        await using var batcher = new Harness(static options => options.MaxBatchSize = 1);
        using var cache = new PredictorBuilder(batcher.Pipeline).UseCache().Build(new FakeServices(batcher.Clock));
        var blocker = await batcher.BlockAsync();
        var bulk = cache.PredictAsync(PredictionInputs.Row([1L]), Bulk, TestContext.Current.CancellationToken).AsTask();
        var others = Enumerable.Range(2, 5).Select(id => batcher.Send(id)).ToList();
        var normal = cache.PredictAsync(PredictionInputs.Row([1L]), null, TestContext.Current.CancellationToken).AsTask();
        others.AddRange(Enumerable.Range(10, 5).Select(id => batcher.Send(id)));

        // In its turn, behind those that came before and ahead of those that came after.
        blocker.Finish();
        for (var i = 0; i < 6; i++)
        {
            var run = await batcher.Model.NextRunAsync();
            Assert.Equal(i == 5 ? 1 : i + 2, Assert.Single(run.Rows));
            Assert.False(normal.IsCompleted);
            run.Finish();
        }

        await Harness.Expect(normal, 1);
        batcher.Model.LetRunsGo();
        await Harness.Expect(bulk, 1);
        foreach (var task in others)
            (await task).Dispose();
    }

    [Fact]
    public async Task PredictAsync_MoreUrgentThanWhoComputes_GoesOnByItselfAndAnswersAllThatWait()
    {
        var bulk = Ask(Bulk);
        var bulkFollower = Ask(Bulk);
        Assert.Equal(1, _inner.Pending);
        var normal = Ask();
        Assert.Equal(2, _inner.Pending);
        var normalFollower = Ask();
        var lateBulk = Ask(Bulk);
        Assert.Equal(2, _inner.Pending);

        // The run in bulk is first in line here; whichever ends first answers all that wait.
        _inner.Fail(new OperationCanceledException("Bulk has given up."));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bulk);
        Assert.Equal(1, _inner.Pending);
        _inner.Answer();
        foreach (var task in (Task<Prediction>[])[normal, normalFollower, bulkFollower, lateBulk])
            Assert.Equal(1, Answers.Read(await task));
        Assert.Equal(PredictionSource.Cache, await _harness.SourceOf(1));
    }

    [Fact]
    public async Task PredictAsync_RunInBulkEndsFirst_FollowersAreAnsweredAndTheOtherOnesRunIsItsOwn()
    {
        var bulk = Ask(Bulk);
        var normal = Ask();
        var follower = Ask();
        _inner.Answer();
        Assert.Equal((1, 1), (Answers.Read(await bulk), Answers.Read(await follower)));
        Assert.False(normal.IsCompleted);

        // Disposal waits for it as well.
        var closing = _harness.Cache.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted);
        _inner.Answer();
        Assert.Equal(1, Answers.Read(await normal));
        await closing;
    }

    [Fact]
    public async Task PredictAsync_UrgentOneGivesUp_ThoseAsUrgentDoNotFallBackToTheRunInBulk()
    {
        using var source = new CancellationTokenSource();
        var bulk = Ask(Bulk);
        var urgent = Ask();
        var bulkFollower = Ask(Bulk);
        var follower = Ask();
        Assert.Equal(2, _inner.Pending);

        // The oldest is the run in bulk: put it behind the other.
        _inner.Rotate();
        _inner.Fail(new OperationCanceledException());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => urgent);
        await Eventually.BecomesTrue(() => _inner.Pending == 2, "the normal follower computes");
        _inner.Rotate();
        _inner.Answer();
        Assert.Equal((1, 1), (Answers.Read(await follower), Answers.Read(await bulkFollower)));
        _inner.Answer();
        Assert.Equal(1, Answers.Read(await bulk));
    }

    [Theory]
    [InlineData(100, 150, false)]
    [InlineData(100, 30_000, false)]
    [InlineData(100, 100, true)]
    [InlineData(100, 105, true)]
    [InlineData(100, 50, true)]
    [InlineData(100, null, true)]
    [InlineData(null, 100, true)]
    [InlineData(null, null, true)]
    public async Task PredictAsync_TimesDiffer_AShortTimeIsNotSharedByWhoHasLonger(int? first, int? second, bool isShared)
    {
        static PredictionOptions? Within(int? milliseconds) =>
            milliseconds is { } time ? new() { Timeout = TimeSpan.FromMilliseconds(time) } : null;
        var leader = Ask(Within(first));
        var follower = Ask(Within(second));
        Assert.Equal(isShared ? 1 : 2, _inner.Pending);
        while (_inner.Pending > 0)
            _inner.Answer();
        Assert.Equal((1, 1), (Answers.Read(await leader), Answers.Read(await follower)));
    }

    [Fact]
    public async Task PredictAsync_LeadersTimeEndsFirst_FollowerIsAnsweredWithinItsOwn()
    {
        await using var batcher = new Harness(static options => options.MaxBatchSize = 1);
        using var cache = new PredictorBuilder(batcher.Pipeline).UseCache().Build(new FakeServices(batcher.Clock));
        var blocker = await batcher.BlockAsync();
        Task<Prediction> Send(int milliseconds) =>
            cache.PredictAsync(
                PredictionInputs.Row([1L]), new() { Timeout = TimeSpan.FromMilliseconds(milliseconds) },
                TestContext.Current.CancellationToken).AsTask();
        var hasty = Send(50);
        var patient = Send(54);
        var other = Send(5000);
        batcher.Clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(PredictionStatus.DeadlineExceeded, (await hasty).Status);
        Assert.False(patient.IsCompleted);
        batcher.Model.LetRunsGo();
        blocker.Finish();
        await Harness.Expect(patient, 1);
        await Harness.Expect(other, 1);
    }

    /// <summary>
    /// The one whose turn it is computes in its own context: its tenant, its activity, its culture, and nothing of the one that gave up.
    /// </summary>
    [Theory]
    [InlineData("cancelled")]
    [InlineData("late")]
    [InlineData("overloaded")]
    [InlineData("thrown out of")]
    public async Task PredictAsync_TakesOver_LayersSeeItsOwnContext(string end)
    {
        var seen = new List<(string?, string?)>();
        var inner = new PendingPredictor();
        using var harness = new CacheHarness(new Watching(inner, seen));
        using var source = new ActivitySource("MlServe.SharedRunTests");
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "MlServe.SharedRunTests",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        };
        ActivitySource.AddActivityListener(listener);
        async Task<Prediction> As(string tenant)
        {
            Tenant.Value = tenant;
            using var activity = source.StartActivity(tenant);
            return await harness.Cache.PredictAsync(Answers.Request(1));
        }

        var tasks = new[] { As("first"), As("second"), As("third") };
        Tenant.Value = "whoever ends it";
        End(inner, end);
        await Eventually.BecomesTrue(() => inner.Pending == 1, "the second computes");
        inner.Fail(new OperationCanceledException());
        await Eventually.BecomesTrue(() => inner.Pending == 1, "the third computes");
        inner.Answer();
        Assert.Equal(1, Answers.Read(await tasks[2]));
        Assert.Equal([("first", "first"), ("second", "second"), ("third", "third")], seen);
        foreach (var task in tasks.Take(2))
            await task.ContinueWith(static ended => _ = ended.Exception, TaskScheduler.Default);
    }

    [Fact]
    public async Task PredictAsync_FlowIsSuppressed_LayersSeeNobodysContext()
    {
        var seen = new List<(string?, string?)>();
        var inner = new PendingPredictor();
        using var harness = new CacheHarness(new Watching(inner, seen));
        Tenant.Value = "first";
        var first = harness.Cache.PredictAsync(Answers.Request(1)).AsTask();
        Tenant.Value = "second";
        Task<Prediction> second;
        using (ExecutionContext.SuppressFlow())
            second = harness.Cache.PredictAsync(Answers.Request(1)).AsTask();
        inner.Fail(new OperationCanceledException());
        await Eventually.BecomesTrue(() => inner.Pending == 1, "the second computes");
        inner.Answer();
        Assert.Equal(1, Answers.Read(await second));
        Assert.Equal([("first", null), (null, null)], seen);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    /// <summary>
    /// The siblings: code of the application's that runs when an answer has come runs in its caller's context, whoever brought the answer.
    /// </summary>
    [Fact]
    public async Task PredictAsync_AnswerComesFromElsewhere_FunctionOfTheChainSeesItsCallersContext()
    {
        string? seen = null;
        var inner = new PendingPredictor();
        using var pipeline = new PredictorBuilder(inner).UseFallback(chain => chain.Then((_, _, _) =>
        {
            seen = Tenant.Value;
            return new(Answers.Of(7));
        })).Build();
        var asked = AskAs("caller", () => pipeline.PredictAsync(Answers.Request(1)));
        InNobodysContext(() => inner.Refuse(FakePredictor.Refusal));
        Assert.Equal((7, "caller"), (Answers.Read(await asked), seen));
    }

    [Fact]
    public async Task PredictAsync_AnswerComesFromElsewhere_OutputCheckSeesItsCallersContext()
    {
        string? seen = null;
        var inner = new PendingPredictor();
        using var pipeline = new PredictorBuilder(inner).UseCircuitBreaker(options =>
            options.OutputCheck = _ => (seen = Tenant.Value) is not null).Build();
        var asked = AskAs("caller", () => pipeline.PredictAsync(Answers.Request(1)));
        InNobodysContext(inner.Answer);
        Assert.Equal((1, "caller"), (Answers.Read(await asked), seen));
    }

    [Fact]
    public async Task PredictAsync_AnswerComesFromElsewhere_MapperSeesItsCallersContext()
    {
        string? seen = null;
        var inner = new PendingPredictor();
        var typed = inner.As<long, long>(static (id, writer) => writer.Tensor<long>("x", 1)[0] = id, prediction =>
        {
            seen = Tenant.Value;
            return prediction[0].ToScalar<long>();
        });
        var asked = AskAs("caller", () => typed.PredictAsync(3));
        InNobodysContext(inner.Answer);
        Assert.Equal((3, "caller"), (await asked, seen));
    }

    /// <summary>Without an async method around the call, which would bring its context along.</summary>
    private static Task<T> AskAs<T>(string tenant, Func<ValueTask<T>> ask)
    {
        Tenant.Value = tenant;
        var asked = ask();
        Tenant.Value = null;
        return asked.AsTask();
    }

    private static void InNobodysContext(Action answer)
    {
        var thread = new Thread(() => answer());
        thread.UnsafeStart();
        thread.Join();
    }

    private static void End(PendingPredictor inner, string how)
    {
        switch (how)
        {
            case "cancelled":
                inner.Fail(new OperationCanceledException());
                break;
            case "late":
                inner.Refuse(new(PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut, "late"));
                break;
            case "overloaded":
                inner.Refuse(FakePredictor.Refusal);
                break;
            default:
                inner.Fail(new InvalidOperationException());
                break;
        }
    }

    private Task<Prediction> Ask(PredictionOptions? options = null) =>
        _harness.Cache.PredictAsync(Answers.Request(1), options, TestContext.Current.CancellationToken).AsTask();

    /// <summary>A layer of the application's that tells tenants apart.</summary>
    private sealed class Watching(IPredictor inner, List<(string?, string?)> seen) : DelegatingPredictor(inner)
    {
        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            lock (seen)
                seen.Add((Tenant.Value, Activity.Current?.OperationName));
            return await base.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
