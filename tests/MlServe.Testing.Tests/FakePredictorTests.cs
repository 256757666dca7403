using Microsoft.Extensions.Time.Testing;
using MlServe.Tensors;

namespace MlServe.Testing;

/// <summary>A fake answers by its inputs and remembers them, on public ground.</summary>
public sealed class FakePredictorTests
{
    internal static readonly ModelSignature Signature = new(
        [new()
        {
            Name = "x",
            Kind = ValueKind.Tensor,
            ElementType = ElementType.Float,
            Shape = [Dimension.Free("N"), Dimension.Fixed(2)],
            BatchAxis = 0,
        }],
        [new() { Name = "sum", Kind = ValueKind.Tensor, ElementType = ElementType.Float, Shape = [Dimension.Free("N")], BatchAxis = 0 }]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PredictAsync_AnswerByInputs_IsOfEveryKindAndRecorded()
    {
        using var fake = Sums();
        float[] values = [1, 2];
        using (var prediction = await fake.PredictAsync(PredictionInputs.Row(values), new() { Outputs = ["sum"] }, Token))
            Assert.Equal(3, prediction.EnsureOk()["sum"].ToScalar<float>());
        values[0] = 99;
        fake.Dispose();
        var request = Assert.Single(fake.Requests);
        Assert.Equal([1f, 2], request.Inputs[0].ToArray<float>());
        Assert.Equal(["sum"], request.Options!.Outputs);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await fake.PredictAsync(PredictionInputs.Row(values), null, Token));

        using var kinds = new FakePredictor(Signature, static (inputs, writer) =>
        {
            foreach (var input in inputs)
                writer.Add(input.Name!, input);
        });
        using var answer = await kinds.PredictAsync(PredictionInputs.Row(
            PredictionInput.MapOf("m", new Dictionary<string, long> { ["a"] = 1 }), PredictionInput.Absent("o"),
            PredictionInput.SequenceOf("s", PredictionInput.Tensor("", new[] { "t" }))), null, Token);
        Assert.Equal(1, answer["m"].ToDictionary<string, long>()["a"]);
        Assert.Equal("t", answer["s"][0].ToScalar<string>());
        Assert.Equal(ValueKind.Optional, answer["o"].Kind);
    }

    [Fact]
    public async Task PredictAsync_NoAnswerGiven_IsZerosOfTheSignature()
    {
        using var fake = new FakePredictor(Signature);
        using var rows = await fake.PredictAsync(PredictionInputs.Rows(new float[6], 3), null, Token);
        Assert.Equal([0f, 0, 0], rows["sum"].ToArray<float>());
        using var row = await fake.PredictAsync(PredictionInputs.Row(new float[2]), null, Token);
        Assert.Equal(0, row["sum"].Shape.Length);
    }

    [Fact]
    public async Task PredictAsync_DelayAndFailures_AreAsSaid()
    {
        var time = new FakeTimeProvider();
        using var fake = Sums();
        (fake.Delay, fake.TimeProvider) = (TimeSpan.FromSeconds(5), time);
        var pending = fake.PredictAsync(PredictionInputs.Row(new float[] { 1, 1 }), null, Token).AsTask();
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(pending.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        using (var prediction = await pending)
            Assert.Equal(2, prediction["sum"].ToScalar<float>());

        using var source = new CancellationTokenSource();
        var cancelled = fake.PredictAsync(PredictionInputs.Row(new float[2]), null, source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        fake.Delay = TimeSpan.Zero;
        fake.FailWith(new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "full"));
        using (var refused = await fake.PredictAsync(PredictionInputs.Row(new float[2]), null, Token))
            Assert.Equal(PredictionStatus.Overloaded, refused.Status);
        fake.Throw(new TimeoutException("boom"));
        await Assert.ThrowsAsync<TimeoutException>(async () => await fake.PredictAsync(PredictionInputs.Row(new float[2]), null, Token));
        Assert.Equal(4, fake.Count);
    }

    [Fact]
    public async Task Requests_WithoutEnd_AreTheLatest()
    {
        using var fake = Sums();
        for (var i = 0; i < FakePredictor.MaxRequests + 5; i++)
            (await fake.PredictAsync(PredictionInputs.Row(new float[] { i, 0 }), null, Token)).Dispose();
        Assert.Equal(FakePredictor.MaxRequests, fake.Requests.Count);
        Assert.Equal(5, fake.Requests[0].Inputs[0].AsSpan<float>()[0]);
        Assert.Equal(FakePredictor.MaxRequests + 5, fake.Count);
    }

    internal static FakePredictor Sums() => new(Signature, static (inputs, writer) =>
    {
        var sum = 0f;
        foreach (var value in inputs[0].AsSpan<float>())
            sum += value;
        writer.AddTensor<float>("sum")[0] = sum;
    });
}
