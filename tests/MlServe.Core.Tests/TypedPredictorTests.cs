using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe;

public sealed class TypedPredictorTests
{
    [Fact]
    public async Task PredictAsync_MapperWritesAndReads_Answers()
    {
        await using var predictor = TinyModels.Affine().Load();
        var typed = predictor.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4)[3] = value, static prediction => prediction["y"].AsSpan<float>()[3]);
        for (var i = 0; i < 20; i++)
            Assert.Equal((2 * i) + 1, await typed.PredictAsync(i, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task PredictAsync_MemoryOfAnEarlierCall_IsZeroAgain()
    {
        await using var predictor = TinyModels.Affine().Load();
        var typed = predictor.As<bool, float[]>(
            static (fill, writer) =>
            {
                var row = writer.Tensor<float>("x", 4);
                Assert.True(row.IndexOfAnyExcept(0f) < 0, "The memory held an earlier caller's data.");
                if (fill) row.Fill(99);
            },
            static prediction => prediction["y"].ToArray<float>());
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(new float[] { 199, 199, 199, 199 }, await typed.PredictAsync(true,
                cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal(new float[] { 1, 1, 1, 1 }, await typed.PredictAsync(false,
                cancellationToken: TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task PredictAsync_EncodeThrows_GoesToTheCallerAndTheNextWorks()
    {
        await using var predictor = TinyModels.Affine().Load();
        var typed = predictor.As<int, float>(
            static (value, writer) =>
            {
                writer.Tensor<float>(4).Fill(value);
                if (value < 0) throw new FormatException("no");
            },
            static prediction => prediction["y"].AsSpan<float>()[0]);
        for (var i = 0; i < 10; i++)
        {
            await Assert.ThrowsAsync<FormatException>(async () => await typed.PredictAsync(-1,
                cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal(5, await typed.PredictAsync(2, cancellationToken: TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task PredictAsync_DecodeThrows_GoesToTheCallerAndTheAnswerIsDisposed()
    {
        await using var predictor = TinyModels.Affine().Load();
        Prediction kept = default;
        var typed = predictor.As<int, float>(static (value, writer) => writer.Tensor<float>(4).Fill(value), prediction =>
        {
            kept = prediction;
            throw new FormatException("no");
        });
        await Assert.ThrowsAsync<FormatException>(async () => await typed.PredictAsync(1,
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<ObjectDisposedException>(() => kept["y"]);
    }

    /// <summary>Who starts many before awaiting one must not lose those that are under way.</summary>
    [Theory]
    [InlineData("encode", typeof(FormatException))]
    [InlineData("decode", typeof(FormatException))]
    [InlineData("status", typeof(PredictionException))]
    [InlineData("unknown", typeof(PredictionException))]
    [InlineData("signature", typeof(ObjectDisposedException))]
    [InlineData("throws", typeof(ObjectDisposedException))]
    [InlineData("cancelled", typeof(TaskCanceledException))]
    public async Task PredictAsync_WhateverIsWrong_IsToldByTheTask(string fault, Type expected)
    {
        await using var model = TinyModels.Affine().Load();
        var typed = new FaultyPredictor(model, fault).As<int, float>(
            (value, writer) =>
            {
                if (fault == "encode") throw new FormatException("no");
                writer.Tensor<float>("x", fault == "status" ? 5 : 4).Fill(value);
            },
            prediction => fault == "decode" ? throw new FormatException("no") : prediction["y"].AsSpan<float>()[0]);
        using var source = new CancellationTokenSource();
        if (fault == "cancelled") await source.CancelAsync();

        var pending = typed.PredictAsync(1, cancellationToken: source.Token).AsTask();

        Assert.IsType(expected, await Assert.ThrowsAnyAsync<Exception>(() => pending));
        Assert.Equal(fault == "cancelled", pending.IsCanceled);
    }

    private sealed class FaultyPredictor(IPredictor inner, string fault) : DelegatingPredictor(inner)
    {
        public override ModelSignature Signature => fault switch
        {
            "signature" => throw new ObjectDisposedException("model"),
            "unknown" => ModelSignature.Unknown,
            _ => base.Signature,
        };

        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(fault == "throws", this);
            if (fault == "cancelled") cancellationToken.ThrowIfCancellationRequested();
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }

    [Fact]
    public async Task PredictAsync_NotOk_ThrowsTheStatus()
    {
        await using var predictor = TinyModels.Affine().Load();
        var typed = predictor.As<int, int>(static (length, writer) => writer.Tensor<float>("x", length), static _ => 0);
        var exception = await Assert.ThrowsAsync<PredictionException>(async () => await typed.PredictAsync(5,
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(PredictionErrorCode.InputLengthMismatch, exception.Error.Code);
        Assert.Equal(0, await typed.PredictAsync(4, cancellationToken: TestContext.Current.CancellationToken));

        var wrongType = predictor.As<int, int>(static (_, writer) => writer.Tensor<double>(4), static _ => 0);
        exception = await Assert.ThrowsAsync<PredictionException>(async () => await wrongType.PredictAsync(0,
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(PredictionErrorCode.InputTypeMismatch, exception.Error.Code);

        var nothing = predictor.As<int, int>(static (_, _) => { }, static _ => 0);
        exception = await Assert.ThrowsAsync<PredictionException>(async () => await nothing.PredictAsync(0,
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(PredictionErrorCode.InputMissing, exception.Error.Code);

        var twice = predictor.As<int, int>(static (_, writer) =>
        {
            writer.Tensor<float>(4);
            writer.Tensor<float>("x", 4);
        }, static _ => 0);
        exception = await Assert.ThrowsAsync<PredictionException>(async () => await twice.PredictAsync(0,
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(PredictionErrorCode.InputDuplicated, exception.Error.Code);
    }

    [Fact]
    public async Task Writer_WrongUse_SaysWhatThereIs()
    {
        await using var affine = TinyModels.Affine().Load();
        await using var two = TinyModels.TwoInputs().Load();
        await using var free = TinyModels.FreeLength().Load();
        await Check<ArgumentException>(affine, static writer => writer.Tensor<float>("x", [-1]), "[?] of input 'x'");
        await Check<ArgumentException>(affine, static writer => writer.Tensor<double>("x", [1L << 60]), "too large");
        await Check<ArgumentException>(affine, static writer => writer.Tensor<double>("x", [1L << 40, 1L << 40]), "too large");
        await Check<ArgumentOutOfRangeException>(affine, static writer => writer.Tensor<double>("x", -1), "length");
        await Check<ArgumentOutOfRangeException>(affine, static writer => writer.Tensor<double>(int.MaxValue), "length");
        await Check<NotSupportedException>(affine, static writer => writer.Write("x", new DateTime[1]), "DateTime");
        await Check<PredictionException>(affine, static writer => writer.Tensor<float>("pixels", 4), "'pixels'", "x: float[N,4]");
        await Check<PredictionException>(two, static writer => writer.Tensor<float>(3), "several inputs", "a: float[N,3]");
        await Check<PredictionException>(free, static writer => writer.Tensor<float>("x", [2, 3]), "without the batch axis", "[2,3]");
    }

    [Fact]
    public async Task PredictAsync_Disposed_Throws()
    {
        var predictor = TinyModels.Affine().Load();
        await predictor.DisposeAsync();
        var typed = predictor.As<int, int>(static (_, writer) => writer.Tensor<float>(4), static _ => 0);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await typed.PredictAsync(0,
            cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task PredictAsync_CancelledInLine_ThrowsAndTheNextWorks()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        var typed = predictor.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4).Fill(value), static prediction => prediction["y"].AsSpan<float>()[0]);
        Assert.True(gate.TryEnter());
        using var source = new CancellationTokenSource();
        var cancelled = typed.PredictAsync(1, cancellationToken: source.Token).AsTask();
        var waits = typed.PredictAsync(2, cancellationToken: TestContext.Current.CancellationToken).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(0, (await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() => 0)))).Sum());
        gate.Exit();
        Assert.Equal(5, await waits);
    }

    [Fact]
    public async Task PredictAsync_ManyModelsAtOnce_NothingLeaksBetweenCalls()
    {
        var gate = new RunGate(2);
        await using var affine = TinyModels.Affine().Load(null, new() { RunGate = gate });
        await using var two = TinyModels.TwoInputs().Load(null, new() { RunGate = gate });
        var first = affine.As<float, float[]>(
            static (value, writer) => writer.Tensor<float>(4)[0] = value, static prediction => prediction["y"].ToArray<float>());
        var second = two.As<float, float[]>(
            static (value, writer) =>
            {
                writer.Tensor<float>("b", 3)[1] = value;
                writer.Tensor<float>("a", 3)[2] = value;
            },
            static prediction => prediction["sum"].ToArray<float>());
        await Task.WhenAll(Enumerable.Range(0, 32).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                var value = (caller * 1000) + i;
                if (((caller + i) % 2) == 0) Assert.Equal(new float[] { (2 * value) + 1, 1, 1, 1 }, await first.PredictAsync(value));
                else Assert.Equal(new float[] { 0, value, value }, await second.PredictAsync(value));
            }
        }, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task PredictAsync_FailsWhileInLine_GoesToTheCaller()
    {
        var gate = new RunGate(1);
        await using var predictor = TinyModels.Affine().Load(null, new() { RunGate = gate });
        var typed = predictor.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4)[0] = value,
            static prediction => prediction["y"].AsSpan<float>()[0] is var value && value > 100 ? throw new FormatException("no") : value);
        for (var round = 0; round < 20; round++)
        {
            Assert.True(gate.TryEnter());
            var fails = typed.PredictAsync(1000, cancellationToken: TestContext.Current.CancellationToken);
            var works = typed.PredictAsync(round, cancellationToken: TestContext.Current.CancellationToken);
            gate.Exit();
            await Assert.ThrowsAsync<FormatException>(async () => await fails);
            Assert.Equal((2 * round) + 1, await works);
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await works);
        }
    }

    [Fact]
    public void As_Null_Throws()
    {
        using var predictor = TinyModels.Affine().Load();
        Assert.Throws<ArgumentNullException>(() => predictor.As<int, int>(null!));
        Assert.Throws<ArgumentNullException>(() => predictor.As<int, int>(null!, static _ => 0));
        Assert.Throws<ArgumentNullException>(() => predictor.As<int, int>(static (_, _) => { }, null!));
        Assert.Throws<ArgumentNullException>(() =>
            ((IPredictor)null!).As(PredictionMapper.Create<int, int>(static (_, _) => { }, static _ => 0)));
    }

    private static async Task Check<TException>(OnnxPredictor predictor, Action<PredictionInputWriter> encode, params string[] parts)
        where TException : Exception
    {
        var typed = predictor.As<int, int>((_, writer) => encode(writer), static _ => 0);
        var exception = await Assert.ThrowsAsync<TException>(async () => await typed.PredictAsync(0,
            cancellationToken: TestContext.Current.CancellationToken));
        Ask.Says(exception.Message, parts);
    }
}
