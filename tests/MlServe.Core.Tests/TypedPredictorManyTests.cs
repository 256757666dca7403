using MlServe.Onnx;
using MlServe.Tests.Fakes;

namespace MlServe.Tests;

/// <summary>The typed door with options, and many questions at once: each has its own end, in order.</summary>
public sealed class TypedPredictorManyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The door itself, and an implementation of the application's that has one question at a time.</summary>
    public static TheoryData<bool> Doors => [true, false];

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task PredictManyAsync_SomeFailInEachWay_EachHasItsOwnEndInOrder(bool isBuiltIn)
    {
        using var predictor = new FakePredictor(static (inputs, _) => new(Answers.IdOf(in inputs) switch
        {
            3 => Prediction.FromError(FakePredictor.Refusal),
            _ => Answers.Echo(inputs),
        }));
        var door = DoorTo(predictor, isBuiltIn);
        var results = await door.PredictManyAsync([1, 2, 3, 4, 5], null, Token);

        Assert.Equal([1, 0, 0, 0, 5], results.Select(static result => result.IsOk ? result.Value : 0));
        Assert.Equal(
            [(false, PredictionErrorCode.UserCodeFailed, "encode"), (false, PredictionErrorCode.QueueFull, null), (false,
                PredictionErrorCode.UserCodeFailed, "decode")],
            results.Skip(1).Take(3).Select(static result => (result.IsOk, result.Error.Code, result.Error.Exception?.Message)));
        Assert.Equal(PredictionStatus.Overloaded, Assert.Throws<PredictionException>(() => results[2].Value).Status);
        Assert.Equal("encode", Assert.Throws<PredictionException>(() => results[1].Value).InnerException?.Message);
        Assert.Throws<InvalidOperationException>(() => results[0].Error);
        Assert.Empty(await door.PredictManyAsync([], null, Token));
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await door.PredictManyAsync(null!, null, Token));
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task PredictAsync_Options_AreThoseOfTheCall(bool isBuiltIn)
    {
        using var predictor = new FakePredictor();
        var door = DoorTo(predictor, isBuiltIn);
        var options = new PredictionOptions { Priority = RequestPriority.Bulk };
        await door.PredictAsync(1, options, Token);
        Assert.Same(options, predictor.LastOptions);
        await door.PredictAsync(1, cancellationToken: Token);
        Assert.Null(predictor.LastOptions);
        await door.PredictManyAsync([1], options, Token);
        Assert.Same(options, predictor.LastOptions);
        door.Predict(1, null, Token);
        Assert.Null(predictor.LastOptions);
        door.Predict(1, options, Token);
        Assert.Same(options, predictor.LastOptions);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task PredictManyAsync_CancelledOrDisposed_ThrowsWhenAllHaveEnded(bool isBuiltIn)
    {
        var gate = new RunGate(1);
        var model = TinyModels.Affine().Load(null, new() { RunGate = gate });
        IPredictor<float, float> door = model.As<float, float>(
            static (value, writer) => writer.Tensor<float>(4).Fill(value), static prediction => prediction["y"].AsSpan<float>()[0]);
        if (!isBuiltIn) door = new OneAtATime<float, float>(door);

        Assert.True(gate.TryEnter());
        using var source = new CancellationTokenSource();
        var pending = door.PredictManyAsync([1, 2, 3], null, source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending);
        gate.Exit();
        Assert.Equal([3, 5], (await door.PredictManyAsync([1, 2], null, Token)).Select(static result => result.Value));

        await model.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await door.PredictManyAsync([1, 2], null, Token));
    }

    [Fact]
    public async Task PredictManyAsync_Batcher_RunsThemTogether()
    {
        var gate = new RunGate(1);
        await using var model = TinyModels.Affine().Load(null, new() { RunGate = gate });
        await using var batched = new PredictorBuilder(model)
            .UseBatching(static options => options.Readiness = MlServe.Batching.BatchReadiness.WhenCalibrated).Build();
        var rows = new List<int>();
        var door = batched.As<float, float>(static (value, writer) => writer.Tensor<float>(4).Fill(value), prediction =>
        {
            lock (rows) rows.Add(prediction.Origin.BatchRows);
            return prediction["y"].AsSpan<float>()[0];
        });
        Assert.True(gate.TryEnter());
        var pending = door.PredictManyAsync([1, 2, 3, 4, 5, 6], new() { Timeout = TimeSpan.FromMinutes(1) }, Token).AsTask();
        gate.Exit();

        Assert.Equal([3, 5, 7, 9, 11, 13], (await pending).Select(static result => result.Value));
        Assert.Contains(rows, static count => count > 1);
    }

    [Fact]
    public void Result_Default_IsAFailure()
    {
        var nothing = default(PredictionResult<int>);
        Assert.Equal((false, PredictionStatus.Failed), (nothing.IsOk, nothing.Status));
        Assert.Throws<PredictionException>(() => nothing.Value);
        Assert.Equal("7", new PredictionResult<int>(7).ToString());
        Assert.Throws<ArgumentNullException>(() => new PredictionResult<int>((PredictionError)null!));
    }

    private static IPredictor<long, long> DoorTo(IPredictor predictor, bool isBuiltIn)
    {
        var door = predictor.As<long, long>(
            static (value, writer) => writer.Tensor<long>("x", 1)[0] = value == 2 ? throw new FormatException("encode") : value,
            static prediction => prediction[0].ToScalar<long>() is var id && id == 4 ? throw new FormatException("decode") : id);
        return isBuiltIn ? door : new OneAtATime<long, long>(door);
    }

    private sealed class OneAtATime<TInput, TOutput>(IPredictor<TInput, TOutput> door) : IPredictor<TInput, TOutput>
    {
        public ValueTask<TOutput> PredictAsync(TInput input, PredictionOptions? options = null,
            CancellationToken cancellationToken = default) =>
            door.PredictAsync(input, options, cancellationToken);
    }
}
