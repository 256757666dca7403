using MlServe.TestModels;

namespace MlServe.Onnx;

public sealed class SessionsTests
{
    [Fact]
    public async Task PredictAsync_SeveralSessions_AnswerAlike()
    {
        await using var predictor = await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(OnnxModel.Mlp(1, 4, 8, 3)), new() { Sessions = 3 }, new() { RunGate = new(3) },
            TestContext.Current.CancellationToken);

        // Lanes are made of the sessions in turn: with three rented at once each session has one.
        var executor = predictor.GetService<IModelExecutor>()!;
        float[] row = [1, 2, 3, 4];
        Assert.Null(executor.Prepare(PredictionInputs.Row(row), null, out var request));
        ILane[] lanes = [.. Enumerable.Range(0, 3).Select(_ => executor.Rent(request.Shape, 1))];
        var answers = new List<float[]>();
        foreach (var lane in lanes)
        {
            lane.Write(PredictionInputs.Row(row), request, 0, 1, 0);
            Assert.Null(lane.Run(1, request.Outputs, TestContext.Current.CancellationToken));
            using var prediction = lane.Read(request, 0, default);
            answers.Add(prediction["y"].ToArray<float>());
            lane.Dispose();
        }

        Assert.Equal(answers[0], answers[1]);
        Assert.Equal(answers[0], answers[2]);
    }
}
