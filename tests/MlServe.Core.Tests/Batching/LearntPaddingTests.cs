using MlServe.Batching;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Tests.Batching;

/// <summary>An encoder with a mask, whose lengths are learnt.</summary>
public sealed class LearntPaddingTests : IAsyncLifetime
{
    private const int Width = 16;

    private OnnxPredictor _model = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _model = await OnnxPredictor.LoadAsync(
        ModelSource.FromBytes(EncoderModel.Create(1, 2, Width, 4, masked: true)), cancellationToken: Ct);

    public async ValueTask DisposeAsync() => await _model.DisposeAsync();

    [Fact]
    public async Task PredictAsync_LearntLengths_AnswerAsWithoutPadding()
    {
        var gate = new RunGate(1);
        await using var padded = Padded(gate);
        TeachToFill(LearntOf(padded), 4, 30);
        var buckets = LearntOf(padded).Buckets;
        Assert.Equal(30, buckets[^1]);
        int[] lengths = [4, 5, 7, 11, 12, 18, 23, 29, 30, 31, 64];

        Assert.True(gate.TryEnter());
        using var cancelled = new CancellationTokenSource();
        var alone = padded.PredictAsync(Row(3), cancellationToken: Ct).AsTask();
        var given = padded.PredictAsync(Row(9), cancellationToken: cancelled.Token).AsTask();
        var pending = lengths.Select(length => padded.PredictAsync(Row(length), cancellationToken: Ct).AsTask()).ToArray();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        gate.Exit();
        (await alone).Dispose();
        var answers = await Task.WhenAll(pending);

        Assert.Contains(answers, static answer => answer.Origin.BatchRows > 1);
        foreach (var (length, answer) in lengths.Zip(answers))
        {
            using var expected = await _model.PredictAsync(Row(length, masked: true), cancellationToken: Ct);
            Assert.Equal([length, Width], answer.EnsureOk()["y"].Shape.ToArray());
            Assert.All(
                expected.EnsureOk()["y"].ToArray<float>().Zip(answer["y"].ToArray<float>()),
                static pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
            answer.Dispose();
        }
    }

    [Fact]
    public async Task PredictAsync_Nothing_IsRefusedAndNotLearnt()
    {
        await using var padded = Padded(new(1));

        using var prediction = await padded.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", Array.Empty<float>(), [0, Width])), cancellationToken: Ct);

        Assert.Equal(PredictionErrorCode.InputEmpty, prediction.Error.Code);
        var learnt = LearntOf(padded);
        learnt.Choose();
        Assert.Empty(learnt.Buckets);
    }

    [Fact]
    public void Choose_TrafficChanges_FollowsIt()
    {
        var learnt = new LearntLengths(64, int.MaxValue);
        TeachToFill(learnt, 4, 30);
        Assert.Equal(30, learnt.Buckets[^1]);

        for (var i = 0; i < 20; i++)
            Teach(learnt, 100, 120);
        TeachToFill(learnt, 100, 120);

        Assert.All(learnt.Buckets, static bucket => Assert.InRange(bucket, 100, 120));
        Assert.Equal(120, learnt.For(101, 63) > 100 ? learnt.Buckets[^1] : 0);
        Assert.Equal(101, learnt.For(101, 0));
    }

    /// <summary>The curve may promise what runs do not keep; they have the last word.</summary>
    [Fact]
    public void Choose_FillingDoesNotPay_StopsFilling()
    {
        var learnt = new LearntLengths(64, int.MaxValue);
        TeachToFill(learnt, 4, 30);

        var filled = 0;
        for (var i = 0; i < 80; i++)
        {
            Teach(learnt, 4, 30, fixedMicroseconds: 0);
            if (learnt.Buckets.Count > 0) filled++;
        }

        Assert.InRange(filled, 0, 20);
    }

    [Theory]
    [InlineData(1.0, 1.1, false)]
    [InlineData(1.0, 1.0, false)]
    [InlineData(1.0, 0.9, true)]
    public void Next_BothWaysSeen_TakesTheOneThatPays(double unfilled, double filled, bool isFilled)
    {
        var duel = new FillDuel();
        Assert.True(duel.Next(wasFilled: false, unfilled, 10));

        var (next, filledIntervals) = (true, 0);
        for (var i = 0; i < 200; i++)
        {
            next = duel.Next(next, next ? filled : unfilled, 10);
            if (next) filledIntervals++;
        }

        // Now and then the other way is looked at again.
        Assert.InRange(isFilled ? 200 - filledIntervals : filledIntervals, 5, 30);
    }

    /// <summary>What was measured while batches still grew does not decide for long.</summary>
    [Fact]
    public void Next_FirstIntervalWasSlow_IsCorrectedSoon()
    {
        var duel = new FillDuel();
        var next = duel.Next(wasFilled: false, 2, 10);
        for (var i = 0; i < 4; i++)
            next = duel.Next(next, next ? 1.2 : 1, 10);

        Assert.False(next);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(LengthBins.MaxLength + 1)]
    [InlineData(long.MaxValue)]
    public void For_LengthOutOfRange_IsLeftAlone(long length) => Assert.Equal(length, new LearntLengths(64).For(length, 10));

    [Fact]
    public void For_SteadyState_AllocatesNothing()
    {
        var learnt = new LearntLengths(64, int.MaxValue);
        TeachToFill(learnt, 4, 30);
        var origin = new PredictionOrigin { BatchRows = 8, RunTime = TimeSpan.FromMilliseconds(1) };
        learnt.Learn(in origin, 9, learnt.For(9, 10));

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200; i++)
            learnt.Learn(in origin, 4 + (i % 30), learnt.For(4 + (i % 30), 10));

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>Traffic of 64 callers at once, on a machine where a run costs as much as 200 tokens.</summary>
    /// <remarks>Fewer requests than lengths are chosen after by themselves: it is told when.</remarks>
    private static void Teach(LearntLengths learnt, int from, int to, int fixedMicroseconds = 2000)
    {
        for (var crowd = 0; crowd < 3; crowd++)
        {
            var lengths = Enumerable.Range(0, 64).Select(i => from + (((i * 5) + crowd) % (to - from + 1)));
            foreach (var batch in lengths.GroupBy(length => learnt.For(length, 63)))
            {
                var rows = batch.Count();
                var run = new PredictionOrigin
                {
                    BatchRows = rows,
                    RunTime = TimeSpan.FromMicroseconds(fixedMicroseconds + (10 * rows * batch.Key)),
                };
                foreach (var length in batch)
                    learnt.Learn(in run, length, batch.Key);
            }
        }

        learnt.Choose();
    }

    /// <summary>The same until requests are filled up, which they are in most intervals.</summary>
    private static void TeachToFill(LearntLengths learnt, int from, int to)
    {
        for (var i = 0; i < 8; i++)
            Teach(learnt, from, to);
        for (var i = 0; i < 8 && learnt.Buckets.Count == 0; i++)
            Teach(learnt, from, to);
        Assert.NotEmpty(learnt.Buckets);
    }

    private static PredictionInputs Row(int length, bool masked = false)
    {
        var random = new Random(length);
        var x = PredictionInput.Tensor(
            "x", Enumerable.Range(0, length * Width).Select(_ => random.NextSingle() - 0.5f).ToArray(), [length, Width]);
        return masked
            ? PredictionInputs.Row(x, PredictionInput.Tensor("mask", Enumerable.Repeat(1f, length).ToArray(), [length]))
            : PredictionInputs.Row(x);
    }

    private static LearntLengths LearntOf(IPredictor predictor) =>
        Assert.IsType<PaddingPredictor>(predictor.GetService<PaddingPredictor>()).Learnt!;

    private IPredictor Padded(RunGate gate) => new PredictorBuilder(_model)
        .UseBatching(options =>
        {
            options.RunMode = RunMode.Queued;
            options.Padding.Axis = "tokens";
            options.Padding.MaskInput = "mask";
        })
        .Build(new OneService(gate));

    private sealed class OneService(object service) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType.IsInstanceOfType(service) ? service : null;
    }
}
