using MlServe.Onnx;
using MlServe.Resilience;
using MlServe.Tests.Fakes;

namespace MlServe.Tests.Resilience;

[Collection(Alone.Name)]
[CountsAllocations]
public sealed class ResilienceAllocationTests
{
    private static readonly PredictionInputs Request = Answers.Request(1);

    [Fact]
    public void CircuitClosed_AnsweredAtOnce_AllocatesNothing()
    {
        using var pipeline = new PredictorBuilder(new FakePredictor()).UseCircuitBreaker().Build();
        AllocatesNothing(pipeline);
    }

    [Fact]
    public void CircuitOpen_AllocatesNothing()
    {
        using var pipeline = new PredictorBuilder(new FakePredictor()).UseCircuitBreaker().Build();
        pipeline.GetService<ICircuitBreaker>()!.Open(TimeSpan.FromHours(1));

        // A refusal is made anew ten times a second.
        Assert.InRange(Allocations.Least(() => Predict(pipeline)), 0, 500);
    }

    [Fact]
    public void Fallback_ModelAnswers_AllocatesNothing()
    {
        using var pipeline = new PredictorBuilder(new FakePredictor()).UseFallback(static chain => chain.ThenValue("id", 1L)).Build();
        AllocatesNothing(pipeline);
    }

    [Fact]
    public void Timeout_AnsweredInTime_AllocatesNothing()
    {
        using var model = TinyModels.Affine().Load();
        using var pipeline = new PredictorBuilder(model).UseTimeout(TimeSpan.FromMinutes(1)).Build();
        var request = PredictionInputs.Row(new float[4]);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < 200; i++)
                pipeline.PredictAsync(request).GetAwaiter().GetResult().Dispose();
        }));
    }

    [Fact]
    public void All_ManyPending_AllocateNothing()
    {
        var inner = new PendingPredictor();
        using var pipeline = new PredictorBuilder(inner).UseFallback(static chain => chain.ThenValue("id", 1L))
            .UseTimeout(TimeSpan.FromMinutes(1))
            .UseCircuitBreaker()
            .Build();
        var pending = new ValueTask<Prediction>[512];
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < pending.Length; i++)
                pending[i] = pipeline.PredictAsync(Request);
            foreach (var _ in pending)
                inner.Answer();
            foreach (var task in pending)
                task.GetAwaiter().GetResult().Dispose();
        }));
    }

    private static void AllocatesNothing(IPredictor pipeline) => Assert.Equal(0, Allocations.Least(() => Predict(pipeline)));

    private static void Predict(IPredictor pipeline)
    {
        for (var i = 0; i < 200; i++)
            pipeline.PredictAsync(Request).GetAwaiter().GetResult().Dispose();
    }
}
