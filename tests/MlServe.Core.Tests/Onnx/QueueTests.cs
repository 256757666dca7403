using System.Numerics.Tensors;

namespace MlServe.Onnx;

/// <summary>Requests that wait in line, with a gate that the test holds shut.</summary>
public sealed class QueueTests
{
    [Fact]
    public async Task PredictAsync_GateIsFull_WaitsAndIsAnswered()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        var answered = new List<int>();
        var waiting = Enumerable.Range(0, 20).Select(async i =>
        {
            using var prediction = await predictor.PredictAsync(Row(i), cancellationToken: TestContext.Current.CancellationToken);
            lock (answered) answered.Add(i);
            Assert.Equal((2 * i) + 1, prediction.EnsureOk()["y"].ToArray<float>()[0]);
            Assert.True(prediction.Origin.QueueTime > TimeSpan.Zero);
        }).ToArray();
        Assert.All(waiting, static task => Assert.False(task.IsCompleted));
        Assert.Equal(20, gate.CurrentWaiters);
        gate.Exit();
        await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        // The gate lets them in in their order (RunGateTests); whose code goes on first afterwards is the thread pool's business.
        Assert.Equal(Enumerable.Range(0, 20), answered.Order());
        Assert.Equal(0, gate.CurrentWaiters);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task PredictAsync_QueueIsFull_IsOverloadedAtOnce(int maxQueued)
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine()
            .Load(new() { MaxQueuedRequests = maxQueued }, new() { RunGate = gate, Name = "digits" });
        Assert.True(gate.TryEnter());
        var waiting = Enumerable.Range(0, maxQueued).Select(i => Send(predictor, i)).ToArray();
        for (var i = 0; i < 10; i++)
        {
            var refused = predictor.PredictAsync(Row(1), cancellationToken: TestContext.Current.CancellationToken);
            Assert.True(refused.IsCompletedSuccessfully);
            using var prediction = await refused;
            Assert.Equal(PredictionStatus.Overloaded, prediction.Status);
            Assert.Equal(PredictionErrorCode.QueueFull, prediction.Error.Code);
            Ask.Says(prediction.Error.Message, $"{maxQueued} requests", "'digits'", "MaxQueuedRequests");
        }

        gate.Exit();
        foreach (var task in waiting)
            (await task).EnsureOk().Dispose();
        using var after = await predictor.PredictAsync(Row(1), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(after.IsOk);
    }

    [Fact]
    public async Task Cancel_WhileInLine_EndsAtOnceAndDisturbsNobody()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(new() { MaxQueuedRequests = 10 }, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        var before = Send(predictor, 1);
        using var source = new CancellationTokenSource();
        var cancelled = predictor.PredictAsync(Row(2), cancellationToken: source.Token).AsTask();
        var behind = Send(predictor, 3);
        await source.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            cancelled.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.False(before.IsCompleted);
        Assert.False(behind.IsCompleted);

        gate.Exit();
        using var first = await before;
        using var third = await behind;
        Assert.Equal(3, first["y"].ToArray<float>()[0]);
        Assert.Equal(7, third["y"].ToArray<float>()[0]);
    }

    [Fact]
    public async Task Cancel_ManyWhileTheGateStaysShut_LeavesRoomInLineAndGathersNothing()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(new() { MaxQueuedRequests = 4 }, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        for (var i = 0; i < 500; i++)
        {
            using var source = new CancellationTokenSource();
            var task = predictor.PredictAsync(Row(i), cancellationToken: source.Token).AsTask();
            Assert.False(task.IsCompleted);
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
            Assert.InRange(gate.CurrentWaiters, 0, 10);
        }

        var last = Send(predictor, 5);
        gate.Exit();
        using var prediction = await last;
        Assert.Equal(11, prediction["y"].ToArray<float>()[0]);
    }

    [Fact]
    public async Task Cancel_BeforeTheCall_NeverRuns()
    {
        await using var predictor = TinyModels.Affine().Load();
        var task = predictor.PredictAsync(Row(1), cancellationToken: new(canceled: true));
        Assert.True(task.IsCanceled);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await task);
    }

    [Fact]
    public async Task Cancel_AfterTheAnswer_DoesNothing()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        using var source = new CancellationTokenSource();
        using var direct = await predictor.PredictAsync(Row(1), cancellationToken: source.Token);
        Assert.True(gate.TryEnter());
        var task = predictor.PredictAsync(Row(2), cancellationToken: source.Token);
        gate.Exit();
        using var queued = await task;
        await source.CancelAsync();
        Assert.Equal(3, direct["y"].ToArray<float>()[0]);
        Assert.Equal(5, queued["y"].ToArray<float>()[0]);
        using var next = await predictor.PredictAsync(Row(3), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(7, next["y"].ToArray<float>()[0]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Cancel_AtRandomMoments_EveryRequestEndsOnceWithItsOwnAnswer(int seed)
    {
        var gate = new RunGate(2);
        await using var predictor = TinyModels.Affine().Load(new() { MaxQueuedRequests = 100_000 }, new() { RunGate = gate });
        int answered = 0, cancelled = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(caller => Task.Run(async () =>
        {
            var random = new Random((seed * 1000) + caller);
            for (var i = 0; i < 300; i++)
            {
                using var source = new CancellationTokenSource();
                var number = (caller * 1000) + i;
                var task = predictor.PredictAsync(Row(number), cancellationToken: source.Token).AsTask();
                if (random.Next(3) > 0) _ = Task.Run(source.Cancel);
                try
                {
                    using var prediction = await task;
                    Assert.Equal((2 * number) + 1, prediction.EnsureOk()["y"].ToArray<float>()[0]);
                    Interlocked.Increment(ref answered);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cancelled);
                }

                // The source must outlive the call that cancels it.
                source.Cancel();
            }
        }))).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(16 * 300, answered + cancelled);

        // One that gave up when the gate had just let it in is answered before its place is free again.
        await Eventually.BecomesTrue(() => gate.CurrentRuns + gate.CurrentWaiters == 0, "the gate is empty");
    }

    [Fact]
    public async Task Dispose_WhileRequestsWait_AnswersThemAndRefusesNewOnes()
    {
        var gate = new RunGate(1);
        var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        var waiting = Enumerable.Range(0, 50).Select(i => Send(predictor, i)).ToArray();
        predictor.Dispose();
        predictor.Dispose();
        var disposal = predictor.DisposeAsync().AsTask();
        Assert.False(disposal.IsCompleted);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            await predictor.PredictAsync(Row(1), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<ObjectDisposedException>(() => predictor.GetService<IModelExecutor>()!.Rent(new([4]), 1));
        Assert.All(waiting, static task => Assert.False(task.IsCompleted));

        gate.Exit();
        for (var i = 0; i < waiting.Length; i++)
        {
            using var prediction = await waiting[i];
            Assert.Equal((2 * i) + 1, prediction["y"].ToArray<float>()[0]);
        }

        await disposal.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await predictor.DisposeAsync();
        Assert.NotNull(predictor.Signature);
    }

    [Fact]
    public async Task Dispose_EveryWaitingRequestGivesUp_ClosesTheModel()
    {
        var gate = new RunGate(1);
        var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        using var source = new CancellationTokenSource();
        var waiting = Enumerable.Range(0, 10)
            .Select(i => predictor.PredictAsync(Row(i), cancellationToken: source.Token).AsTask()).ToArray();
        var disposal = predictor.DisposeAsync().AsTask();
        await source.CancelAsync();
        foreach (var task in waiting)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        gate.Exit();
        await disposal.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(0, gate.CurrentRuns);
        Assert.True(gate.TryEnter());
    }

    [Fact]
    public async Task Dispose_LaneIsOut_WaitsForItsReturn()
    {
        var predictor = TinyModels.Affine().Load();
        var executor = predictor.GetService<IModelExecutor>()!;
        var inputs = Row(4);
        Assert.Null(executor.Prepare(in inputs, null, out var request));
        var lane = executor.Rent(request.Shape, 1);
        var disposal = predictor.DisposeAsync().AsTask();
        Assert.False(disposal.IsCompleted);
        lane.WriteRow(inputs, request, 0);
        Assert.Null(lane.Run(1, request.Outputs, TestContext.Current.CancellationToken));
        using var prediction = lane.Read(in request, 0, default);
        Assert.False(disposal.IsCompleted);
        lane.Dispose();
        await disposal.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(9, prediction["y"].ToArray<float>()[0]);
    }

    [Fact]
    public async Task TwoPredictors_OneGate_ShareItsPlaces()
    {
        var gate = new RunGate(1);
        await using var affine = TinyModels.Affine().Load(null, new() { RunGate = gate });
        await using var axis = TinyModels.OnAxis(0).Load(null, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        var one = Send(affine, 1);
        var two = axis.PredictAsync(PredictionInputs.Row(new float[12]), cancellationToken: TestContext.Current.CancellationToken).AsTask();
        Assert.Equal(2, gate.CurrentWaiters);
        gate.Exit();
        (await one).Dispose();
        (await two).Dispose();

        var most = 0;
        using var stop = new CancellationTokenSource();
        var watch = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
                most = Math.Max(most, gate.CurrentRuns);
        }, TestContext.Current.CancellationToken);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
            {
                if (caller % 2 == 0) (await affine.PredictAsync(Row(i))).EnsureOk().Dispose();
                else (await axis.PredictAsync(PredictionInputs.Row(new float[12]))).EnsureOk().Dispose();
            }
        }, TestContext.Current.CancellationToken)));
        await stop.CancelAsync();
        await watch;
        Assert.InRange(most, 0, 1);
    }

    [Fact]
    public async Task ValueTask_AwaitedTwice_ThrowsAndTakesNobodysAnswer()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        for (var round = 0; round < 50; round++)
        {
            Assert.True(gate.TryEnter());
            var twice = predictor.PredictAsync(Row(round), cancellationToken: TestContext.Current.CancellationToken);
            var others = Enumerable.Range(0, 8).Select(i => Send(predictor, 1000 + i)).ToArray();
            Assert.Throws<InvalidOperationException>(() => twice.GetAwaiter().GetResult());
            gate.Exit();
            using (var prediction = await twice)
                Assert.Equal((2 * round) + 1, prediction["y"].ToArray<float>()[0]);
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await twice);
            Assert.Throws<InvalidOperationException>(() => twice.GetAwaiter().GetResult());
            for (var i = 0; i < others.Length; i++)
            {
                using var prediction = await others[i];
                Assert.Equal(2001 + (2 * i), prediction["y"].ToArray<float>()[0]);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task PredictAsync_ManyCallersOfMixedRows_EachGetsItsOwnAnswer(int places)
    {
        var gate = new RunGate(places);
        await using var predictor = TinyModels.FreeLength().Load(new() { MaxQueuedRequests = 1000 }, new() { RunGate = gate });
        var most = 0;
        await Task.WhenAll(Enumerable.Range(0, 64).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            for (var call = 0; call < 40; call++)
            {
                var rows = random.Next(0, 5);
                var length = random.Next(1, 4);
                var values = new float[rows * length];
                for (var i = 0; i < values.Length; i++)
                    values[i] = (caller * 10_000) + (call * 100) + i;
                using var prediction = await predictor.PredictAsync(PredictionInputs.Rows(Tensor.Create(values, [rows, length])));
                var seen = gate.CurrentRuns;
                for (var known = most; seen > known; known = most)
                    Interlocked.CompareExchange(ref most, seen, known);
                Assert.Equal([rows, length], prediction.EnsureOk()["y"].Shape.ToArray());
                Assert.Equal(values.Select(static value => (2 * value) + 1), prediction["y"].ToArray<float>());
                Assert.Equal(rows, prediction.Origin.BatchRows);
            }
        }, TestContext.Current.CancellationToken))).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.InRange(most, 0, places);
        Assert.Equal(0, gate.CurrentRuns);
    }

    private static PredictionInputs Row(float value) => PredictionInputs.Row(new[] { value, 0, 0, 0 });

    private static Task<Prediction> Send(OnnxPredictor predictor, float value) =>
        predictor.PredictAsync(Row(value), cancellationToken: TestContext.Current.CancellationToken).AsTask();
}
