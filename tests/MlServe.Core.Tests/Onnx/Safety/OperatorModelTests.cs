using MlServe.TestModels;

namespace MlServe.Onnx.Safety;

/// <summary>What the mutations begin with is valid: each of these models loads and answers.</summary>
public sealed class OperatorModelTests
{
    public static TheoryData<string> Names() => [.. OperatorModels.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_ValidModel_Answers(string name)
    {
        using var predictor = Ask.Load(ModelSource.FromBytes(OperatorModels.All[name], name));
        using var prediction = Ask.The(predictor, PredictionInputs.Row(new float[] { 1, 2, 3, 4 }));
        prediction.EnsureOk();
    }
}
