using Microsoft.Extensions.Time.Testing;
using MlServe.Tests.Fakes;

namespace MlServe.Onnx;

/// <summary>Deadlines, priorities and fairness in the direct path's line, with a gate that the test holds shut.</summary>
public sealed class QueueDeadlineTests
{
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(1);

    private readonly RunGate _gate = new(1);
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task PredictAsync_TimeIsOverInLine_IsAnsweredAtThatMomentAndLeavesTheLine()
    {
        await using var predictor = Load(new() { MaxQueuedRequests = 3 });
        Assert.True(_gate.TryEnter());
        var hasty = Send(predictor, 1, new() { Timeout = Time });
        var patient = Send(predictor, 2, new() { Timeout = 2 * Time });
        var endless = Send(predictor, 3, new() { Timeout = TimeSpan.MaxValue });
        Assert.Equal(PredictionErrorCode.QueueFull, (await Send(predictor, 4)).Error.Code);

        _clock.Advance(Time - TimeSpan.FromMilliseconds(1));
        Assert.False(hasty.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));

        var error = (await hasty).Error;
        Assert.Equal((PredictionStatus.DeadlineExceeded, PredictionErrorCode.TimedOut), (error.Status, error.Code));
        Ask.Says(error.Message, "'timed'", "Wait longer, or send less");

        // Its place in line is free again.
        var next = Send(predictor, 5);
        Assert.False(patient.IsCompleted || endless.IsCompleted || next.IsCompleted);
        _gate.Exit();
        await Expect(patient, 2);
        await Expect(endless, 3);
        await Expect(next, 5);
        await Eventually.BecomesTrue(() => _gate.CurrentWaiters + _gate.CurrentRuns == 0, "the gate is empty");
    }

    [Fact]
    public async Task PredictAsync_TimeOfTheRequestBefore_DoesNotEndTheNext()
    {
        await using var predictor = Load();
        for (var i = 0; i < 100; i++)
        {
            Assert.True(_gate.TryEnter());
            var timed = Send(predictor, i, new() { Timeout = Time });
            _gate.Exit();
            await Expect(timed, i);
            await Eventually.BecomesTrue(() => _gate.CurrentRuns == 0, "the place is free");
            Assert.True(_gate.TryEnter());
            var next = i % 2 == 0 ? Send(predictor, i) : Send(predictor, i, new() { Timeout = 10 * Time });
            _clock.Advance(Time);
            Assert.False(next.IsCompleted);
            _gate.Exit();
            await Expect(next, i);
            await Eventually.BecomesTrue(() => _gate.CurrentRuns == 0, "the place is free");
        }
    }

    [Fact]
    public async Task PredictAsync_TimerThatFiresEarlyOrForTheRequestBefore_EndsNobodyBeforeItsTime()
    {
        // The objects are pooled: a timer callback that was under way when its request was answered meets another one.
        var clock = new EarlyClock();
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = _gate, TimeProvider = clock });
        for (var i = 0; i < 100; i++)
        {
            Assert.True(_gate.TryEnter());
            var task = Send(predictor, i, new() { Timeout = Time });
            clock.FireAll();
            Assert.False(task.IsCompleted);
            if (i % 2 == 0)
            {
                clock.Timestamp += Time.Ticks;
                clock.FireAll();
                Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
                _gate.Exit();
            }
            else
            {
                _gate.Exit();
                await Expect(task, i);
            }

            await Eventually.BecomesTrue(() => _gate.CurrentRuns == 0, "the place is free");
        }

        Assert.False(clock.HasKeptContext);
    }

    [Fact]
    public async Task Dispose_AllThatWaitAreLate_ClosesTheModel()
    {
        var predictor = Load();
        Assert.True(_gate.TryEnter());
        var waiting = Enumerable.Range(0, 20).Select(i => Send(predictor, i, new() { Timeout = Time })).ToList();
        var disposal = predictor.DisposeAsync().AsTask();
        _clock.Advance(Time);
        foreach (var task in waiting)
            Assert.Equal(PredictionStatus.DeadlineExceeded, (await task).Status);
        _gate.Exit();
        await disposal.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal((0, 0), (_gate.CurrentRuns, _gate.CurrentWaiters));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task PredictAsync_DeadlinesCancellationsAndRunsAtRandom_EachEndsOnceWithItsOwnAnswer(int seed)
    {
        const int Callers = 16, Calls = 300;
        var gate = new RunGate(2);
        await using var predictor = TinyModels.Affine().Load(new() { MaxQueuedRequests = 100_000 }, new() { RunGate = gate });
        int answered = 0, cancelled = 0, late = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random((seed * 1000) + caller);
            for (var i = 0; i < Calls; i++)
            {
                using var source = new CancellationTokenSource();
                var number = (caller * 1000) + i;
                var timeout = random.Next(3) switch
                {
                    0 => (TimeSpan?)null,
                    1 => TimeSpan.FromTicks(random.Next(1, 20_000)),
                    _ => TimeSpan.FromHours(1),
                };
                var options = new PredictionOptions { Timeout = timeout, Priority = (RequestPriority)random.Next(2) };
                var task = predictor.PredictAsync(Row(number), options, source.Token).AsTask();
                if (random.Next(4) == 0) _ = Task.Run(source.Cancel);
                try
                {
                    using var prediction = await task;
                    if (prediction.Status == PredictionStatus.DeadlineExceeded)
                    {
                        Assert.NotNull(timeout);
                        Interlocked.Increment(ref late);
                    }
                    else
                    {
                        Assert.Equal((2 * number) + 1, prediction.EnsureOk()["y"].ToArray<float>()[0]);
                        Interlocked.Increment(ref answered);
                    }
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cancelled);
                }

                // The source must outlive the call that cancels it.
                source.Cancel();
            }
        }))).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(Callers * Calls, answered + cancelled + late);
        await Eventually.BecomesTrue(() => gate.CurrentRuns + gate.CurrentWaiters == 0, "the gate is empty");
    }

    [Theory]
    [InlineData(0, "normal bulk")]
    [InlineData(1_000_000, "bulk normal")]
    public async Task PredictAsync_BulkCameFirst_NormalGoesFirstUntilBulkHasWaitedASecond(long waited, string expected)
    {
        var clock = new SteppingClock();
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = _gate, TimeProvider = clock });
        Assert.True(_gate.TryEnter());
        var calls = new List<Call>
        {
            Call.Begin("bulk", predictor, Row(1), clock, new() { Priority = RequestPriority.Bulk }),
            Call.Begin("normal", predictor, Row(2), clock),
        };
        clock.Advance(waited);
        _gate.Exit();
        Assert.Equal(expected, await Call.OrderAsync(calls));
    }

    [Fact]
    public async Task PredictAsync_AnotherModelHasABacklog_DoesNotStandBehindIt()
    {
        var clock = new SteppingClock();
        await using var busy = TinyModels.Affine().Load(null, new() { RunGate = _gate, TimeProvider = clock });
        await using var other = TinyModels.OnAxis(0).Load(null, new() { RunGate = _gate, TimeProvider = clock });
        Assert.True(_gate.TryEnter());
        var calls = Enumerable.Range(0, 6).Select(i => Call.Begin("busy", busy, Row(i), clock)).ToList();
        calls.Add(Call.Begin("other", other, PredictionInputs.Row(new float[12]), clock));
        _gate.Exit();
        Assert.Equal("busy other busy busy busy busy busy", await Call.OrderAsync(calls));
    }

    private OnnxPredictor Load(OnnxModelOptions? options = null) =>
        TinyModels.Affine().Load(options, new() { RunGate = _gate, TimeProvider = _clock, Name = "timed" });

    private static PredictionInputs Row(float value) => PredictionInputs.Row(new[] { value, value, value, value });

    private static Task<Prediction> Send(OnnxPredictor predictor, float value, PredictionOptions? options = null) =>
        predictor.PredictAsync(Row(value), options, TestContext.Current.CancellationToken).AsTask();

    private static async Task Expect(Task<Prediction> task, float value)
    {
        using var prediction = await task;
        Assert.Equal((2 * value) + 1, prediction.EnsureOk()["y"].ToArray<float>()[0]);
    }

    /// <summary>A call, and when it came into line.</summary>
    private sealed record Call(string Name, Task<Prediction> Task, long Enqueued)
    {
        public static Call Begin(
            string name, OnnxPredictor predictor, PredictionInputs inputs, SteppingClock clock, PredictionOptions? options = null)
        {
            var task = predictor.PredictAsync(inputs, options, TestContext.Current.CancellationToken).AsTask();
            Assert.False(task.IsCompleted);
            return new(name, task, clock.Timestamp);
        }

        /// <summary>The names, in the order in which their runs began.</summary>
        public static async Task<string> OrderAsync(List<Call> calls)
        {
            var begun = new List<(string Name, double At)>();
            foreach (var call in calls)
            {
                using var prediction = await call.Task;
                begun.Add((call.Name, call.Enqueued + prediction.EnsureOk().Origin.QueueTime.TotalMicroseconds));
            }

            return string.Join(' ', begun.OrderBy(static call => call.At).Select(static call => call.Name));
        }
    }

    /// <summary>A clock that goes on by a microsecond each time it is read.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long _timestamp;

        public long Timestamp => Interlocked.Read(ref _timestamp);

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => Interlocked.Increment(ref _timestamp);

        public void Advance(long microseconds) => Interlocked.Add(ref _timestamp, microseconds);
    }
}
