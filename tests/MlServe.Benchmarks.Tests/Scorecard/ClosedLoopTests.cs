using MlServe.Benchmarks.Measurement;
using MlServe.Onnx;
using MlServe.TestModels;

namespace MlServe.Benchmarks.Scorecard;

public sealed class ClosedLoopTests
{
    // A loop that made more or fewer calls than it was asked for would make the same error in the ratio.
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(1003)]
    public async Task Run_AnyCalls_MakesExactlySoMany(int calls)
    {
        using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(OnnxModel.Mlp(1, 4, 16, 3)), cancellationToken: TestContext.Current.CancellationToken);
        var counted = new Counted(predictor);

        new ClosedLoop(counted, "y", 8, 4).Run(calls);

        Assert.Equal(calls, counted.Calls);
    }

    private sealed class Counted(IPredictor inner) : DelegatingPredictor(inner)
    {
        private int _calls;

        public int Calls => _calls;

        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _calls);
            return Inner.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
