using MlServe.TestModels;
using Xunit;

namespace MlServe.Onnx;

public sealed class BatchAxisNameTests
{
    [Fact]
    public void Load_TwoFreeAxesWithNames_TakesTheOneThatSpeaksOfABatch()
    {
        // The time comes first, as recurrent operators want it.
        using var predictor = Ask.Load(ModelSource.FromBytes(LstmModel.Create(1, 4, 4), "lstm"));
        Assert.True(predictor.Signature.IsBatchable, predictor.Signature.BatchingNote);
        Assert.Equal(1, predictor.Signature.Inputs[0].BatchAxis);
        Assert.Equal(2, predictor.Signature.Outputs[0].BatchAxis);
    }
}
