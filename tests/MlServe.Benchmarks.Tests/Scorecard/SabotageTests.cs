using MlServe.Benchmarks.Measurement;
using MlServe.Benchmarks.Scorecard;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

public sealed class SabotageTests
{
    [Fact]
    public async Task Wrap_Off_IsThePredictorItself()
    {
        using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(OnnxModel.Mlp(1, 4, 16, 3)), cancellationToken: TestContext.Current.CancellationToken);

        Assert.False(Sabotage.IsOn);
        Assert.Same(predictor, Sabotage.Wrap(predictor));
    }

    [Fact]
    public async Task NullPredictor_Asked_AnswersOkWithoutTheModel()
    {
        using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(OnnxModel.Mlp(1, 4, 16, 3)), cancellationToken: TestContext.Current.CancellationToken);

        using var prediction = await new NullPredictor().PredictAsync(default, cancellationToken: TestContext.Current.CancellationToken);

        Assert.True(prediction.IsOk);
    }
}
