using System.Runtime.CompilerServices;
using MlServe.Onnx;
using MlServe.Tensors;
using MlServe.Tests;

namespace MlServe;

public sealed class PredictionTests
{
    [Fact]
    public void Default_IsFailedAndSaysWhy()
    {
        Prediction prediction = default;
        Assert.False(prediction.IsOk);
        Assert.Equal(PredictionStatus.Failed, prediction.Status);
        Assert.Contains("default(Prediction)", prediction.Error.Message, StringComparison.Ordinal);
        Assert.Null(prediction.RetryAfter);
        Assert.Equal(default, prediction.Origin);
        Assert.Throws<PredictionException>(() => prediction.Count);
        Assert.Throws<PredictionException>(() => prediction[0]);
        Assert.Throws<PredictionException>(() => prediction["y"]);
        Assert.Throws<PredictionException>(() => prediction.EnsureOk());
        prediction.Dispose();
    }

    [Fact]
    public void FromError_CarriesStatusCodeAndRetryAfter()
    {
        var cause = new InvalidDataException("cause");
        var error = new PredictionError(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "{0} of {1}", 1, "a{b}")
        {
            RetryAfter = TimeSpan.FromSeconds(2),
            Exception = cause,
        };
        using var prediction = Prediction.FromError(error);
        Assert.Same(error, prediction.Error);
        Assert.Equal(TimeSpan.FromSeconds(2), prediction.RetryAfter);
        var exception = Assert.Throws<PredictionException>(() => prediction[0]);
        Assert.Equal(PredictionStatus.Overloaded, exception.Status);
        Assert.Equal("1 of a{b}", exception.Message);
        Assert.Same(cause, exception.InnerException);
        Assert.Equal("Overloaded: 1 of a{b}", error.ToString());
        Assert.Throws<ArgumentNullException>(() => Prediction.FromError(null!));
        Assert.Throws<ArgumentNullException>(() => new PredictionException(null!));
    }

    [Fact]
    public void NewError_StatusOk_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PredictionError(PredictionStatus.Ok, PredictionErrorCode.None, ""));

    [Fact]
    public void NewError_TextWithBracesAndNoArguments_IsTakenAsItIs() =>
        Assert.Equal("{ \"a\": {0} }", new PredictionError(PredictionStatus.Failed, PredictionErrorCode.None, "{ \"a\": {0} }").Message);

    [Fact]
    public void Ok_HasNoError()
    {
        using var prediction = Make(1);
        Assert.True(prediction.IsOk);
        Assert.Throws<InvalidOperationException>(() => prediction.Error);
        Assert.Null(prediction.RetryAfter);
        Assert.Equal(1, prediction.EnsureOk().Count);
    }

    [Fact]
    public void Dispose_OnceOrTwiceOrByACopy_EndsAllCopies()
    {
        var prediction = Make(1);
        var copy = prediction;
        var output = prediction["y"];
        copy.Dispose();
        prediction.Dispose();
        copy.Dispose();
        Assert.Throws<ObjectDisposedException>(() => prediction[0]);
        Assert.Throws<ObjectDisposedException>(() => prediction["y"]);
        Assert.Throws<ObjectDisposedException>(() => copy.Count);
        Assert.Throws<ObjectDisposedException>(() => copy.Origin);
        Assert.Throws<ObjectDisposedException>(() => output.Name);
        Assert.Throws<ObjectDisposedException>(() => output.Length);
        Assert.Throws<ObjectDisposedException>(() => output.Shape.Length);
        Assert.Throws<ObjectDisposedException>(() => output.ToArray<float>());
        Assert.Throws<ObjectDisposedException>(() => default(PredictionOutput).Kind);
    }

    [Fact]
    public void Read_AfterDisposal_NeverShowsAnotherAnswer()
    {
        for (var i = 0; i < 100; i++)
        {
            var old = Make(i);
            var output = old[0];
            old.Dispose();
            using var next = Make(i + 1000);
            Assert.Throws<ObjectDisposedException>(() => old[0]);
            Assert.Throws<ObjectDisposedException>(() => output.ToScalar<float>());
            old.Dispose();
            Assert.Equal(i + 1000, next[0].ToScalar<float>());
        }
    }

    [Fact]
    public void Dispose_FromManyThreads_GivesTheMemoryBackOnce()
    {
        for (var round = 0; round < 200; round++)
        {
            var prediction = Make(round);
            Parallel.For(0, 4, _ => prediction.Dispose());
            using var first = Make(1);
            using var second = Make(2);
            Assert.Equal(1, first[0].ToScalar<float>());
            Assert.Equal(2, second[0].ToScalar<float>());
        }
    }

    [Fact]
    public void Output_WrongTypeNameOrPlace_SaysWhatThereIs()
    {
        using var prediction = Make(1);
        Ask.Says(
            Assert.Throws<InvalidOperationException>(() => prediction["y"].AsSpan<double>().Length).Message, "'y'", "holds float",
            "not as Double");
        Assert.Throws<InvalidOperationException>(() => prediction["y"].ToArray<string>());
        Assert.Throws<InvalidOperationException>(() => prediction["y"].ToTensor<int>());
        Assert.Throws<InvalidOperationException>(() => prediction["y"].AsSpan<decimal>().Length);
        Ask.Says(Assert.Throws<KeyNotFoundException>(() => prediction["z"]).Message, "'z'", "'y'");
        Assert.Throws<ArgumentNullException>(() => prediction[null!]);
        Assert.Throws<ArgumentOutOfRangeException>(() => prediction[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => prediction[-1]);
        Ask.Says(Assert.Throws<InvalidOperationException>(() => prediction["y"][0]).Message, "Tensor", "Sequence");
        Assert.Throws<InvalidOperationException>(() => prediction["y"].ToDictionary<long, float>());
    }

    [Fact]
    public void ToScalar_SeveralElements_Throws()
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("y", 2).Clear();
        using var prediction = writer.Complete();
        Ask.Says(Assert.Throws<InvalidOperationException>(() => prediction[0].ToScalar<float>()).Message, "'y'", "2 elements");
    }

    [Fact]
    public void Status_EachHasItsHttpCodeAndTag()
    {
        var expected = new (PredictionStatus Status, int Code, string Tag)[]
        {
            (PredictionStatus.Failed, 500, "failed"), (PredictionStatus.Ok, 200, "ok"), (PredictionStatus.Invalid, 400, "invalid"),
            (PredictionStatus.TooLarge, 413, "too_large"), (PredictionStatus.Unauthenticated, 401, "unauthenticated"),
            (PredictionStatus.Forbidden, 403, "forbidden"), (PredictionStatus.RateLimited, 429, "rate_limited"),
            (PredictionStatus.Overloaded, 503, "overloaded"), (PredictionStatus.NotReady, 503, "not_ready"),
            (PredictionStatus.CircuitOpen, 503, "circuit_open"), (PredictionStatus.DeadlineExceeded, 504, "deadline_exceeded"),
        };
        Assert.Equal(Enum.GetValues<PredictionStatus>().Order(), expected.Select(static entry => entry.Status).Order());
        foreach (var (status, code, tag) in expected)
        {
            Assert.Equal(code, status.ToHttpStatusCode());
            Assert.Equal(tag, status.ToTag());
        }

        Assert.Equal(500, ((PredictionStatus)99).ToHttpStatusCode());
    }

    [Fact]
    public void Writer_EveryTypeAndSize_IsReadBack()
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("scalar")[0] = 7;
        writer.AddTensor<string>("text", 2)[1] = "b";
        writer.AddTensor<BFloat16>("none", 0, 3);
        writer.AddTensor<double>("large", 3000).Fill(2.5);
        var origin = new PredictionOrigin { Model = new("m"), Source = PredictionSource.Cache, BatchRows = 3 };
        using var prediction = writer.Complete(origin);
        Assert.Equal(origin, prediction.Origin);
        Assert.Equal(4, prediction.Count);
        Assert.Equal(7, prediction["scalar"].ToScalar<float>());
        Assert.Equal("b", prediction["text"].AsSpan<string>()[1]);
        Assert.Equal([0, 3], prediction["none"].Shape.ToArray());
        Assert.Equal(3000, prediction["large"].AsSpan<double>().Count(2.5));
        Assert.Equal([3000], prediction["large"].ToTensor<double>().Lengths.ToArray());
    }

    [Fact]
    public void Writer_RefusedTensor_LeavesNoTrace()
    {
        var writer = PredictionWriter.Create();
        Assert.Throws<NotSupportedException>(() => writer.AddTensor<decimal>("a", 1));
        Assert.Throws<ArgumentException>(() => writer.AddTensor<float>("b", -1));
        Assert.Throws<ArgumentException>(() => writer.AddTensor<double>("c", 1L << 60));
        Assert.Throws<ArgumentException>(() => writer.AddTensor<double>("c", 1L << 40, 1L << 40));
        Assert.Throws<ArgumentException>(() => writer.AddTensor<float>("d", int.MaxValue));
        Assert.Throws<ArgumentNullException>(() => writer.AddTensor<float>(null!, 1));
        using var prediction = writer.Complete();
        Assert.Equal(0, prediction.Count);
    }

    [Fact]
    public void Writer_AfterDisposal_CannotTouchAnotherAnswer()
    {
        var writer = PredictionWriter.Create();
        writer.Complete().Dispose();
        using var other = Make(5);
        Assert.Throws<ObjectDisposedException>(() => writer.AddTensor<float>("intruder", 1));
        Assert.Throws<ObjectDisposedException>(() => writer.Complete());
        Assert.Equal(1, other.Count);
        Assert.Throws<InvalidOperationException>(() => default(PredictionWriter).AddTensor<float>("y", 1));
    }

    [Fact]
    public async Task PredictMany_AnswersInOrderAndOneBadOneHurtsNobody()
    {
        await using var predictor = TinyModels.Affine().Load();
        var requests = Enumerable.Range(0, 20)
            .Select(static i => PredictionInputs.Row(i == 7 ? new float[5] : new float[] { i, 0, 0, 0 })).ToList();
        using var answers = await predictor.PredictManyAsync(requests, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(20, answers.Count);
        var index = 0;
        foreach (var answer in answers)
        {
            if (index == 7) Assert.Equal(PredictionStatus.Invalid, answer.Status);
            else Assert.Equal((2 * index) + 1, answer["y"].ToArray<float>()[0]);
            index++;
        }

        var kept = answers[3];
        answers.Dispose();
        Assert.Throws<ObjectDisposedException>(() => kept["y"]);
        using var none = await predictor.PredictManyAsync([], cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(none);
        await Assert.ThrowsAsync<ArgumentNullException>(async () =>
            await predictor.PredictManyAsync(null!, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task PredictMany_CancelledWhileInLine_ThrowsAfterAllHaveEnded()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        Assert.True(gate.TryEnter());
        using var source = new CancellationTokenSource();
        var many = predictor.PredictManyAsync(
            [.. Enumerable.Range(0, 10).Select(static _ => PredictionInputs.Row(new float[4]))], null, source.Token).AsTask();
        Assert.False(many.IsCompleted);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => many);
        gate.Exit();
        using var after = await predictor.PredictAsync(
            PredictionInputs.Row(new float[4]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(after.IsOk);
    }

    [Fact]
    public async Task PredictMany_DisposedPredictor_Throws()
    {
        var predictor = TinyModels.Affine().Load();
        await predictor.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            await predictor.PredictManyAsync(
                [PredictionInputs.Row(new float[4])], cancellationToken: TestContext.Current.CancellationToken));
    }

    internal static Prediction Make(float value)
    {
        var writer = PredictionWriter.Create();
        writer.AddTensor<float>("y", 1)[0] = value;
        return writer.Complete();
    }
}

[Collection(Alone.Name)]
public sealed class AbandonedPredictionTests
{
    [Fact]
    public void Abandoned_NotDisposed_AreCollectedAndCounted()
    {
        // Predictions that other tests still hold, disposed long ago, keep their pooled states alive: only fresh ones can be counted on.
        var pooled = Enumerable.Range(0, Pool<PredictionState>.Capacity + 2).Select(static i => PredictionTests.Make(i)).ToArray();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = PredictionState.Abandoned;
        // On a thread of its own, so that no stack slot here keeps one alive.
        var thread = new Thread(static () => Abandon(50));
        thread.Start();
        thread.Join();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(50, PredictionState.Abandoned - before);

        for (var i = 0; i < 50; i++)
            PredictionTests.Make(i).Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(50, PredictionState.Abandoned - before);
        foreach (var prediction in pooled)
            prediction.Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Abandon(int count)
    {
        // The pool is emptied first: an earlier test may have left a reference to what lies in it.
        for (var i = 0; i < Pool<PredictionState>.Capacity; i++)
            Pool<PredictionState>.Rent();
        for (var i = 0; i < count; i++)
            _ = PredictionTests.Make(i);
    }
}
