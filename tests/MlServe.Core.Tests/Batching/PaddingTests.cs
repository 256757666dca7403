using MlServe.Batching;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Tests.Batching;

/// <summary>
/// A model whose rows have a length of their own: <c>sum</c> adds up what the mask lets through, <c>twice</c> answers each step. Filled
/// with tens, a wrong mask or a wrong cut shows at once.
/// </summary>
public sealed class PaddingTests : IAsyncLifetime
{
    private OnnxPredictor _model = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _model = await OnnxPredictor.LoadAsync(ModelSource.FromBytes(Masked()), cancellationToken: Ct);

    public async ValueTask DisposeAsync() => await _model.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(11)]
    public async Task PredictAsync_AnyLength_AnswersAsWithoutPadding(int length)
    {
        await using var padded = Padded();
        var values = Enumerable.Range(1, length).Select(static i => (float)i).ToArray();

        using var prediction = await padded.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", values, [length])), cancellationToken: Ct);

        prediction.EnsureOk();
        Assert.Equal(values.Sum(), prediction["sum"].ToScalar<float>());
        Assert.Equal([length], prediction["twice"].Shape.ToArray());
        Assert.Equal(values.Select(static value => 2 * value), prediction["twice"].ToArray<float>());
    }

    [Fact]
    public async Task PredictAsync_FlatListAndRows_ArePaddedToo()
    {
        await using var padded = Padded();

        using var flat = await padded.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", new float[] { 1, 2, 3 })), cancellationToken: Ct);
        using var rows = await padded.PredictAsync(
            PredictionInputs.Rows(PredictionInput.Tensor("x", new float[] { 1, 2, 3, 4, 5, 6 }, [2, 3])), cancellationToken: Ct);

        Assert.Equal(6, flat.EnsureOk()["sum"].ToScalar<float>());
        Assert.Equal([6, 15], rows.EnsureOk()["sum"].ToArray<float>());
        Assert.Equal([2, 3], rows["twice"].Shape.ToArray());
        Assert.Equal([2, 4, 6, 8, 10, 12], rows["twice"].ToArray<float>());
    }

    [Fact]
    public async Task PredictAsync_DifferentLengths_ShareABatch()
    {
        var gate = new RunGate(1);
        await using var padded = Padded(options => options.RunMode = RunMode.Queued, gate);

        // While the gate is taken everything gathers.
        Assert.True(gate.TryEnter());
        var pending = Enumerable.Range(1, 4)
            .Select(length => padded.PredictAsync(
                PredictionInputs.Row(PredictionInput.Tensor("x", new float[length], [length])), cancellationToken: Ct).AsTask())
            .ToArray();
        gate.Exit();
        var answers = await Task.WhenAll(pending);

        Assert.All(answers, static answer => Assert.Equal(4, answer.EnsureOk().Origin.BatchRows));
        foreach (var answer in answers)
            answer.Dispose();
    }

    [Fact]
    public async Task PredictAsync_OwnMask_IsKept()
    {
        await using var padded = Padded();

        using var prediction = await padded.PredictAsync(
            PredictionInputs.Row(
                PredictionInput.Tensor("x", new float[] { 1, 2, 3 }, [3]),
                PredictionInput.Tensor("mask", new float[] { 1, 0, 1 }, [3])),
            cancellationToken: Ct);

        Assert.Equal(4, prediction.EnsureOk()["sum"].ToScalar<float>());
    }

    [Fact]
    public async Task PredictAsync_WrongInput_IsToldByTheModel()
    {
        await using var padded = Padded();

        using var prediction = await padded.PredictAsync(
            PredictionInputs.Row(PredictionInput.Tensor("x", new long[] { 1, 2 }, [2])), cancellationToken: Ct);

        Assert.Equal(PredictionErrorCode.InputTypeMismatch, prediction.Error.Code);
    }

    [Theory]
    [InlineData("length", "no input has a free axis")]
    [InlineData("steps", "must be an input of numbers")]
    public void UseBatching_AxisOrMaskThatTheModelLacks_IsRefused(string axis, string message)
    {
        var exception = Assert.Throws<ArgumentException>(() => new PredictorBuilder(_model)
            .UseBatching(options =>
            {
                options.Padding.Axis = axis;
                options.Padding.Buckets = [4];
                options.Padding.MaskInput = "nothing";
            })
            .Build());

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, new[] { 4 }, "Axis is not")]
    [InlineData("steps", new int[0], "Buckets is empty")]
    [InlineData("steps", new[] { 0 }, "must be 1 or more")]
    [InlineData("steps", new[] { 8, 4 }, "must ascend")]
    public void Validate_WrongPadding_SaysWhat(string? axis, int[] buckets, string message)
    {
        var options = new BatchingOptions();
        options.Padding.Axis = axis;
        options.Padding.Buckets = buckets;

        Assert.Contains(message, Assert.Single(options.Validate()), StringComparison.Ordinal);
    }

    private static byte[] Masked() => new OnnxModel()
        .Input("x", OnnxModel.Float, "batch", "steps")
        .Input("mask", OnnxModel.Float, "batch", "steps")
        .Output("sum", OnnxModel.Float, "batch")
        .Output("twice", OnnxModel.Float, "batch", "steps")
        .Initializer("axes", [1L], 1)
        .Node("Mul", ["x", "mask"], ["masked"])
        .Node("ReduceSum", ["masked", "axes"], ["sum"], ("keepdims", 0))
        .Node("Add", ["x", "x"], ["twice"])
        .ToBytes();

    private IPredictor Padded(Action<BatchingOptions>? configure = null, RunGate? gate = null) => new PredictorBuilder(_model)
        .UseBatching(options =>
        {
            options.Padding.Axis = "steps";
            options.Padding.Buckets = [4, 8];
            options.Padding.Values["x"] = 10;
            options.Padding.MaskInput = "mask";
            configure?.Invoke(options);
        })
        .Build(new OneService(gate ?? new RunGate(2)));

    private sealed class OneService(object service) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType.IsInstanceOfType(service) ? service : null;
    }
}
