#pragma warning disable CA2012 // Value tasks are kept, read late and awaited twice on purpose.
using System.Diagnostics;
using MlServe.Tests.Fakes;

namespace MlServe.Tests;

[Collection(Alone.Name)]
public sealed class StagedOperationTests
{
    private const int InFlight = 512;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GetResult_SecondTime_ThrowsAndNeverShowsAnothersAnswer()
    {
        var inner = new PendingPredictor();
        using var predictor = Build(inner);
        var first = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);
        inner.Answer();
        Assert.Equal(1, Answers.Read(await first));

        // The second request rents the operation of the first; the third must not get it as well.
        var second = predictor.PredictAsync(Answers.Request(2), cancellationToken: Ct);
        inner.Answer();
        Assert.Throws<InvalidOperationException>(() => first.GetAwaiter().GetResult());
        Assert.Throws<InvalidOperationException>(() => _ = first.IsCompleted);
        var third = predictor.PredictAsync(Answers.Request(3), cancellationToken: Ct);
        inner.Answer();

        Assert.Equal(2, Answers.Read(await second));
        Assert.Equal(3, Answers.Read(await third));
    }

    [Fact]
    public async Task GetResult_SecondTimeAtOnce_ThrowsAndGivesTheOperationBackOnce()
    {
        var inner = new PendingPredictor();
        using var predictor = Build(inner);
        var once = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);
        inner.Answer();
        Answers.Read(await once);

        Assert.Throws<InvalidOperationException>(() => once.GetAwaiter().GetResult());

        Assert.NotSame(StagedOperation.Rent(), StagedOperation.Rent());
    }

    [Fact]
    public async Task GetResult_TooEarly_ThrowsAndTheAnswerStillComes()
    {
        var inner = new PendingPredictor();
        using var predictor = Build(inner);
        var pending = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);

        Assert.Throws<InvalidOperationException>(() => pending.GetAwaiter().GetResult());
        inner.Answer();

        Assert.Equal(1, Answers.Read(await pending));
    }

    [Fact]
    public async Task Await_TwiceWhilePending_TheSecondThrowsAndTheFirstIsAnswered()
    {
        var inner = new PendingPredictor();
        using var predictor = Build(inner);
        var pending = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);
        var first = pending.AsTask();

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pending);
        inner.Answer();

        Assert.Equal(1, Answers.Read(await first));
    }

    [Fact]
    public async Task GetResult_ByTwoThreadsAtOnce_OneGetsTheAnswer()
    {
        const int Rounds = 4_000;
        var inner = new PendingPredictor();
        using var predictor = Build(inner);
        var pending = default(ValueTask<Prediction>);
        var begun = -1;
        var done = -1;
        var answers = 0;
        var other = Task.Factory.StartNew(
            () =>
            {
                for (var round = 0; round < Rounds; round++)
                {
                    SpinUntil(ref begun, round);
                    Read();
                    Volatile.Write(ref done, round);
                }
            },
            Ct, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        for (var round = 0; round < Rounds; round++)
        {
            pending = predictor.PredictAsync(Answers.Request(round), cancellationToken: Ct);
            inner.Answer();
            Volatile.Write(ref begun, round);
            // The other thread sees it a little later: try all distances.
            Thread.SpinWait(round % 16);
            Read();
            SpinUntil(ref done, round);
        }

        await other;
        Assert.Equal(Rounds, answers);

        void Read()
        {
            try
            {
                var answer = pending.GetAwaiter().GetResult();
                Interlocked.Increment(ref answers);
                answer.Dispose();
            }
            catch (InvalidOperationException)
            {
            }
        }

        static void SpinUntil(ref int location, int value)
        {
            var spin = new SpinWait();
            while (Volatile.Read(ref location) < value) spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    [Fact]
    public async Task PredictAsync_ThousandsOfInterleavings_EachGetsItsOwnAnswer()
    {
        var log = new List<string>();
        var inner = new FakePredictor(static async (inputs, _) =>
        {
            var id = Answers.IdOf(in inputs);
            for (var yields = id % 4; yields > 0; yields--)
                await Task.Yield();
            return (id % 7) switch
            {
                5 => Prediction.FromError(new(PredictionStatus.Invalid, PredictionErrorCode.None, "{0}", id)),
                6 => throw new InvalidOperationException(id.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                _ => Answers.Of(id),
            };
        });
        using var predictor = Build(Build(inner));

        var callers = Enumerable.Range(0, 64).Select(caller => Task.Run(
            async () =>
            {
                var wrong = 0;
                for (var i = 0; i < 250; i++)
                {
                    var id = (caller * 1_000L) + i;
                    try
                    {
                        using var prediction = await predictor.PredictAsync(Answers.Request(id), cancellationToken: Ct);
                        var right = prediction.IsOk
                            ? prediction[0].ToScalar<long>() == id
                            : id % 7 == 5 && prediction.Error.Message == $"{id}";
                        if (!right) wrong++;
                    }
                    catch (InvalidOperationException exception)
                    {
                        if (id % 7 != 6 || exception.Message != $"{id}") wrong++;
                    }
                }

                return wrong;
            },
            Ct));

        Assert.All(await Task.WhenAll(callers), static wrong => Assert.Equal(0, wrong));
    }

    [Fact]
    [CountsAllocations]
    public void PredictAsync_ManyPending_AllocatesNothing()
    {
        var inner = new PendingPredictor();
        using var predictor = Build(inner);
        var request = Answers.Request(3);
        var calls = new ValueTask<Prediction>[InFlight];

        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < calls.Length; i++)
                calls[i] = predictor.PredictAsync(request, cancellationToken: default);
            for (var i = 0; i < calls.Length; i++)
                inner.Answer();
            for (var i = 0; i < calls.Length; i++)
                calls[i].GetAwaiter().GetResult().Dispose();
        }));
    }

    [Fact]
    public async Task PredictAsync_AnsweredOnAThreadOfItsOwn_HooksSeeTheCallersActivity()
    {
        using var activity = new Activity("caller").Start();
        Activity? seen = null;
        var log = new List<string>();
        var source = new TaskCompletionSource<Prediction>();
        var stage = new FakeStage("a", log) { OnAfter = (ref StageCall _) => seen = Activity.Current };
        using var predictor = new StagedPredictor(new FakePredictor((_, _) => new(source.Task)), [stage], TimeProvider.System);

        var pending = predictor.PredictAsync(Answers.Request(1), cancellationToken: Ct);
        using (ExecutionContext.SuppressFlow())
            new Thread(() => source.SetResult(Answers.Of(1))).Start();
        Answers.Read(await pending);

        Assert.Same(activity, seen);
    }

    private static StagedPredictor Build(IPredictor inner) => new(inner, [new PassThrough(), new PassThrough()], TimeProvider.System);

    private sealed class PassThrough : PredictionStage;
}
