using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.Tensors;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

public sealed class OutputValidatorTests
{
    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public async Task PredictAsync_NotFinite_IsAFailureForTheCallerAndTheCircuit(float value)
    {
        using var harness = new CircuitHarness();
        harness.Next = () => Floats([1, value]);
        using (var answer = await harness.AskAsync())
        {
            Assert.Equal(PredictionErrorCode.OutputInvalid, answer.Error.Code);
            Ask.Says(answer.Error.Message, "'id'", "MlServing:Models:digits:CircuitBreaker:RequireFiniteOutputs");
        }

        // One row that is sent again and again says more of the row than of the model; different ones do not.
        await harness.SendAsync(29, harness.Next);
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        for (var id = 0; id < 20; id++)
            (await harness.Pipeline.PredictAsync(Answers.Request(id), cancellationToken: TestContext.Current.CancellationToken)).Dispose();
        Assert.Equal(CircuitState.Open, harness.Breaker.State);
    }

    [Fact]
    public async Task PredictAsync_InfinitiesMeant_AreAnswers()
    {
        using var harness = new CircuitHarness(static options => options.RequireFiniteOutputs = false);
        await harness.SendAsync(30, static () => Floats([float.NegativeInfinity]));
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
    }

    [Theory]
    [InlineData(new[] { 0.5f, 0.5f }, true)]
    [InlineData(new[] { 0.5f, 0.495f }, true)]
    [InlineData(new[] { 0.5f, 0.6f }, false)]
    [InlineData(new[] { 1.5f, -0.5f }, false)]
    public async Task PredictAsync_Probabilities_MustSumToOne(float[] row, bool isValid)
    {
        using var harness = new CircuitHarness(static options => options.ProbabilityOutputs.Add("id"));
        harness.Next = () => Floats(row);
        using var answer = await harness.AskAsync();
        Assert.Equal(isValid, answer.IsOk);
    }

    [Theory]
    [InlineData(0.25f, true)]
    [InlineData(0.75f, false)]
    public async Task PredictAsync_ProbabilitiesOfEachType_MustSumToOne(float first, bool isValid)
    {
        using var harness = new CircuitHarness(static options => options.ProbabilityOutputs.Add("id"));
        float[] row = [first, 0.75f];
        foreach (var answer in (Func<Prediction>[])[() => Floats(row), () => Of(row, static x => (double)x),
            () => Of(row, static x => (Half)x), () => Of(row, static x => (BFloat16)x)])
        {
            harness.Next = answer;
            using var given = await harness.AskAsync();
            Assert.Equal(isValid, given.IsOk);
        }
    }

    [Fact]
    public void PredictAsync_ProbabilitiesInMaps_MustSumToOneEach()
    {
        using var model = MlServe.Ask.Load(ModelSource.FromFile(SharedData.PathOf("models/tabular/iris_randomforest_zipmap.onnx")));
        foreach (var (tolerance, isValid) in (ReadOnlySpan<(double, bool)>)[(0.01, true), (1e-12, false)])
        {
            using var pipeline = new PredictorBuilder(model).UseCircuitBreaker(options =>
            {
                options.ProbabilityOutputs.Add("output_probability");
                options.ProbabilityTolerance = tolerance;
            }).Build();
            using var row = MlServe.Ask.The(pipeline, PredictionInputs.Row([6f, 2.7f, 5.1f, 1.6f]));
            Assert.Equal(isValid, row.IsOk);
        }
    }

    [Fact]
    public void Build_ProbabilitiesOfAnOutputThatIsNotThere_IsRefused()
    {
        var thrown = Assert.Throws<ArgumentException>(() => new CircuitHarness(static options => options.ProbabilityOutputs.Add("scroes")));
        Ask.Says(thrown.Message, "'scroes'", "'id'");
    }

    [Fact]
    public async Task PredictAsync_UsersCheckSaysNo_IsAFailure()
    {
        using var harness = new CircuitHarness(static options => options.OutputCheck = static answer => answer[0].AsSpan<long>()[0] != 13);
        harness.Next = static () => Answers.Of(13);
        Assert.Equal(PredictionStatus.Failed, await harness.StatusAsync());
        harness.Next = static () => Answers.Of(12);
        Assert.Equal(PredictionStatus.Ok, await harness.StatusAsync());
    }

    [Fact]
    public async Task PredictAsync_UsersCheckThrows_TheAnswerStaysAndItIsLoggedOnce()
    {
        using var harness = new CircuitHarness(static options =>
            options.OutputCheck = static _ => throw new InvalidOperationException("boom"));
        for (var i = 0; i < 30; i++)
            Assert.Equal(PredictionStatus.Ok, await harness.StatusAsync());
        Assert.Equal(CircuitState.Closed, harness.Breaker.State);
        Assert.Single(harness.Logs.Entries, static entry => entry.Id.Id == 6004);
    }

    private static Prediction Of<T>(float[] values, Func<float, T> convert)
    {
        var writer = PredictionWriter.Create();
        Array.ConvertAll(values, value => convert(value)).CopyTo(writer.AddTensor<T>("id", 1, values.Length));
        return writer.Complete();
    }

    private static Prediction Floats(float[] values)
    {
        var writer = PredictionWriter.Create();
        values.CopyTo(writer.AddTensor<float>("id", 1, values.Length));
        return writer.Complete();
    }
}
