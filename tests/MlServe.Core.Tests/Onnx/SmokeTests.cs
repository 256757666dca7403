namespace MlServe.Onnx;
public sealed class SmokeTests
{
    [Fact]
    public async Task Smoke()
    {
        using var p = TinyModels.Affine().Load();
        Assert.True(p.Signature.IsBatchable, p.Signature.BatchingNote);
        using var a = await p.PredictAsync(PredictionInputs.Row(new float[]{1,2,3,4}), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(new float[]{3,5,7,9}, a.EnsureOk()["y"].ToArray<float>());
    }
}
