using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Tests.Batching;
using MlServe.Tests.Fakes;

namespace MlServe.Tests;

/// <summary>The synchronous call: its thread does for itself what its request needs.</summary>
public sealed class PredictTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [ThreadStatic]
    private static bool _isPredicting;

    [Fact]
    public void Predict_NullPredictor_Throws()
    {
        Assert.Throws<ArgumentNullException>(static () => PredictorExtensions.Predict(null!, Answers.Request(1)));
        Assert.Throws<ArgumentNullException>(static () => TypedPredictorExtensions.Predict<int, int>(null!, 1));
    }

    [Fact]
    public async Task Predict_BehindABatcher_RunsTheBatchOnItsOwnThread()
    {
        await using var harness = new Harness(holdsRuns: false);
        var threads = new List<Thread>();
        harness.Model.OnRun = _ => threads.Add(Thread.CurrentThread);
        var (thread, call) = Start(() => Answers.Read(harness.Pipeline.Predict(Answers.Request(7))));
        Assert.Equal(7, await call);
        Assert.Same(thread, Assert.Single(threads));
    }

    [Fact]
    public async Task Predict_GateIsFull_TakesItsTurnAndGoesOnOnItsOwnThread()
    {
        var gate = new RunGate(1);
        await using var model = TinyModels.Affine().Load(null, new() { RunGate = gate });
        var threads = new List<Thread>();
        await using var predictor = new PredictorBuilder(model).UseTelemetry("model")
            .Use(inner => new Recorder(inner, threads))
            .Build(new FakeServices(gate));
        Assert.True(gate.TryEnter());
        var (thread, call) = Start(() =>
        {
            using var prediction = predictor.Predict(PredictionInputs.Row(new float[] { 3, 3, 3, 3 }));
            return prediction.EnsureOk()["y"].AsSpan<float>()[0];
        });
        await Eventually.BecomesTrue(() => gate.CurrentWaiters == 1, "it waits");
        gate.Exit();
        Assert.Equal(7, await call);
        Assert.Same(thread, Assert.Single(threads));
    }

    [Fact]
    public async Task Predict_ItsBatchIsRunByAnother_GoesOnOnItsOwnThread()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var threads = new List<Thread>();
        using var predictor = new Recorder(harness.Pipeline, threads);
        var (thread, call) = Start(() => Answers.Read(predictor.Predict(Answers.Request(7))));
        await Eventually.BecomesTrue(() => harness.Batcher.QueuedRows == 1, "it waits");
        blocker.Finish();
        (await harness.Model.NextRunAsync()).Finish();
        Assert.Equal(7, await call);
        Assert.Same(thread, Assert.Single(threads));
    }

    [Fact]
    public async Task Predict_Answered_RunsNothingForOthers()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 1);
        var (thread, call) = Start(() => Answers.Read(harness.Pipeline.Predict(Answers.Request(1))));
        var run = await harness.Model.NextRunAsync();
        var others = Enumerable.Range(2, 3).Select(id => harness.Send(id)).ToList();
        Assert.Same(thread, run.Thread);
        run.Finish();
        for (var i = 0; i < 3; i++)
        {
            run = await harness.Model.NextRunAsync();
            Assert.NotSame(thread, run.Thread);
            if (i == 0) Assert.Equal(1, await call);
            run.Finish();
        }

        foreach (var other in others)
            (await other).Dispose();
    }

    [Fact]
    public async Task Predict_OnAThreadOfThePool_RunsNobodyElsesWaitingCode()
    {
        await using var harness = new Harness(static options => options.MaxBatchSize = 8);
        var blocker = await harness.BlockAsync();
        var others = new List<Task>();
        var strangers = 0;
        for (var i = 0; i < 4; i++)
        {
            others.Add(harness.Send(i).ContinueWith(
                _ => { if (_isPredicting) Interlocked.Increment(ref strangers); },
                TestContext.Current.CancellationToken, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default));
        }

        // The runner is given to whoever comes when it rests: as the blocker's run ends nobody has it, so it comes to this call.
        var call = Task.Run(
            () =>
            {
                _isPredicting = true;
                var answer = Answers.Read(harness.Pipeline.Predict(Answers.Request(9)));
                _isPredicting = false;
                return answer;
            },
            TestContext.Current.CancellationToken);
        await Eventually.BecomesTrue(() => harness.Batcher.QueuedRows == 5, "all wait");
        harness.Model.LetRunsGo();
        blocker.Finish();
        Assert.Equal(9, await call);
        await Task.WhenAll(others);
        Assert.Equal(0, strangers);
    }

    [Fact]
    public async Task Predict_WithASynchronizationContext_IsNotSeenByThePipelineAndIsBackAfterwards()
    {
        await using var harness = new Harness(holdsRuns: false);
        SynchronizationContext? seen = new();
        using var predictor = new Asking(harness.Pipeline, async inner =>
        {
            seen = SynchronizationContext.Current;

            // Goes back to a context if there is one.
            await Task.Yield();
            return await inner;
        });
        var (_, call) = Start(() =>
        {
            var context = new DeadContext();
            SynchronizationContext.SetSynchronizationContext(context);
            Assert.Equal(1, Answers.Read(predictor.Predict(Answers.Request(1))));
            Assert.Same(context, SynchronizationContext.Current);
            Assert.Throws<InvalidOperationException>(() =>
                new Asking(harness.Pipeline, static _ => throw new InvalidOperationException()).Predict(Answers.Request(1)));
            Assert.Same(context, SynchronizationContext.Current);
            return 1L;
        });
        await call;
        Assert.Null(seen);
    }

    [Fact]
    public async Task Predict_ThreadIsInterrupted_WaitsForTheAnswerAndIsInterruptedThen()
    {
        await using var harness = new Harness();
        var blocker = await harness.BlockAsync();
        var (thread, call) = Start(() =>
        {
            var answer = Answers.Read(harness.Pipeline.Predict(Answers.Request(7)));
            Assert.Throws<ThreadInterruptedException>(static () => Thread.Sleep(Patience));
            return answer;
        });
        await Eventually.BecomesTrue(
            () => harness.Batcher.QueuedRows == 1 && thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin), "it waits");
        thread.Interrupt();
        Assert.False(call.IsCompleted);
        harness.Model.LetRunsGo();
        blocker.Finish();
        Assert.Equal(7, await call);
    }

    [Fact]
    public async Task Predict_WhatIsNoAnswer_IsToldAsByTheTask()
    {
        var harness = new Harness();
        var blocker = await harness.BlockAsync();
        using var source = new CancellationTokenSource();
        var (_, cancelled) = Start(() =>
            Assert.ThrowsAny<OperationCanceledException>(() =>
                harness.Pipeline.Predict(Answers.Request(1), cancellationToken: source.Token)).CancellationToken);
        var (_, late) = Start(() => harness.Pipeline.Predict(Answers.Request(2), new() { Timeout = TimeSpan.FromSeconds(1) }).Status);
        await Eventually.BecomesTrue(() => harness.Batcher.QueuedRows == 2, "both wait");
        await source.CancelAsync();
        harness.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(source.Token, await cancelled);
        Assert.Equal(PredictionStatus.DeadlineExceeded, await late);

        blocker.Finish();
        await harness.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => harness.Pipeline.Predict(Answers.Request(3)));
    }

    [Fact]
    public async Task Predict_ALayerPredictsByItselfWithin_BothAreAnswered()
    {
        await using var harness = new Harness(holdsRuns: false);
        await using var other = new Harness(holdsRuns: false);
        using var predictor = new Asking(harness.Pipeline, async inner =>
        {
            Assert.Equal(50, Answers.Read(other.Pipeline.Predict(Answers.Request(50))));
            var answer = await inner;
            Assert.Equal(51, Answers.Read(other.Pipeline.Predict(Answers.Request(51))));
            return answer;
        });
        for (var i = 0; i < 20; i++)
        {
            var (_, call) = Start(() => Answers.Read(predictor.Predict(Answers.Request(7))));
            Assert.Equal(7, await call);
        }
    }

    [Fact]
    public async Task Predict_ALayerBlocksItsThreadOnTheTask_IsAnsweredAllTheSame()
    {
        await using var harness = new Harness(holdsRuns: false);
        using var predictor = new Asking(harness.Pipeline, static inner =>
        {
            Assert.True(inner.Wait(Patience));
            return inner;
        });
        var (_, call) = Start(() => Answers.Read(predictor.Predict(Answers.Request(7))));
        Assert.Equal(7, await call);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public async Task Predict_ManyThreads_EachGetsItsOwnAnswer(bool isBatched, int places)
    {
        const int Threads = 24, Calls = 150;
        var gate = new RunGate(places);
        await using var model = TinyModels.Affine().Load(null, new() { RunGate = gate });
        var builder = new PredictorBuilder(model).UseTelemetry("model");
        if (isBatched) builder.UseBatching(static options => (options.RunMode, options.MaxBatchSize) = (RunMode.Queued, 8));
        await using var predictor = builder.Build(new FakeServices(gate));
        var calls = Enumerable.Range(0, Threads).Select(thread => Start(() =>
        {
            for (var call = 0; call < Calls; call++)
            {
                var number = (thread * 1000) + call;
                using var prediction = predictor.Predict(PredictionInputs.Row(new float[] { number, number, number, number }));
                Assert.Equal((2 * number) + 1, prediction.EnsureOk()["y"].AsSpan<float>()[0]);
            }

            return Calls;
        }).Call).ToList();
        Assert.Equal(Threads * Calls, (await Task.WhenAll(calls)).Sum());
        await Eventually.BecomesTrue(() => gate.CurrentRuns + gate.CurrentWaiters == 0, "the gate is empty");
    }

    /// <summary>Runs on a thread that is nobody else's.</summary>
    private static (Thread Thread, Task<T> Call) Start<T>(Func<T> run)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(run());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        })
        { IsBackground = true };
        thread.Start();
        return (thread, done.Task.WaitAsync(Patience * 2));
    }

    /// <summary>Notes the thread on which it goes on.</summary>
    private sealed class Recorder(IPredictor inner, List<Thread> threads) : DelegatingPredictor(inner)
    {
        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            var answer = await Inner.PredictAsync(inputs, options, cancellationToken).ConfigureAwait(false);
            lock (threads)
                threads.Add(Thread.CurrentThread);
            return answer;
        }
    }

    /// <summary>Does with the task as it is told.</summary>
    private sealed class Asking(IPredictor inner, Func<Task<Prediction>, Task<Prediction>> ask) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
            new(ask(Inner.PredictAsync(inputs, options, cancellationToken).AsTask()));
    }

    private sealed class DeadContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }
}
