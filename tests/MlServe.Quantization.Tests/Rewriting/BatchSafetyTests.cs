using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Batching;
using MlServe.Onnx;
using MlServe.Quantization.Model;
using MlServe.TestModels;
using Xunit;

namespace MlServe.Quantization.Rewriting;

/// <summary>What the serving library makes of models that this one wrote.</summary>
public class BatchSafetyTests
{
    private static byte[] Mlp => OnnxModel.Mlp(1, 32, 64, 8);

    [Fact]
    public async Task UseBatching_DynamicModel_IsRefusedAndSaysHowToAccept()
    {
        await using var model = await LoadAsync(Dynamic());
        var exception = Assert.Throws<ModelLoadException>(() => new PredictorBuilder(model).UseBatching().Build());
        Assert.Equal(ModelLoadFailure.InvalidOptions, exception.Failure);
        Assert.Contains("dynamic quantization", exception.Message, StringComparison.Ordinal);
        Assert.Contains("AcceptDependentRowsOf = \"m\"", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseBatching_DynamicModelAccepted_RunsRowsTogether()
    {
        await using var model = await LoadAsync(Dynamic());
        Assert.True(model.Signature.IsBatchable);
        await using var predictor = new PredictorBuilder(model).UseBatching(static batching => batching.AcceptDependentRowsOf = "m")
            .Build();
        var (first, second) = (SmallModels.Random(32, 1), SmallModels.Random(32, 2, 5));
        using var together = await predictor.PredictAsync(
            PredictionInputs.Rows([.. first, .. second], 2), cancellationToken: TestContext.Current.CancellationToken);
        using var alone = await predictor.PredictAsync(
            PredictionInputs.Row(first), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([8], alone["y"].Shape.ToArray());
        var snr = ModelRun.Snr([alone["y"].ToArray<float>()], [together["y"].ToArray<float>()[..8]]);
        Assert.InRange(snr, 5, 60);
    }

    [Theory]
    [InlineData(QuantizationMethod.Int8Storage)]
    [InlineData(QuantizationMethod.NBits8)]
    public async Task UseBatching_WeightsAlone_IsNotRefused(QuantizationMethod method)
    {
        await using var model = await LoadAsync(OnnxFile.ToBytes(WeightRewriter.Rewrite(ModelRun.Parse(Mlp), ModelRun.Plan(method)).Model));
        Assert.True(model.Signature.RowsAreIndependent);
        await using var predictor = new PredictorBuilder(model).UseBatching().Build();
        Assert.True(predictor.Signature.IsBatchable);
    }

    [Fact]
    public async Task UseBatching_MetadataAloneSaysSo_IsRefused()
    {
        var proto = ModelRun.Parse(Mlp);
        MetadataProperties.Set(proto, MetadataProperties.BatchDependent, "true");
        await using var model = await LoadAsync(OnnxFile.ToBytes(proto));
        var exception = Assert.Throws<ModelLoadException>(() => new PredictorBuilder(model).UseBatching().Build());
        Assert.Contains("mlserve.batch-dependent", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AddModel_DynamicModelInConfiguration_IsServedOnlyWhereItIsAccepted()
    {
        using var refused = Host(accepted: null);
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => refused.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("AcceptDependentRowsOf = \"m\"", exception.ToString(), StringComparison.Ordinal);

        using var host = Host("m");
        await host.StartAsync(TestContext.Current.CancellationToken);
        var predictor = host.Services.GetRequiredService<IPredictor>();
        using var prediction = await predictor.PredictAsync(
            PredictionInputs.Row(SmallModels.Random(32)), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(prediction.IsOk);
        Assert.NotNull(predictor.GetService<BatchStatistics>());
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    private static IHost Host(string? accepted)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration["MlServing:Models:m:UseBatching"] = "true";
        if (accepted is not null) builder.Configuration["MlServing:Models:m:Batching:AcceptDependentRowsOf"] = accepted;
        builder.Services.AddMlServing().AddModel("m", static model => model.FromBytes(Dynamic()).AsDefault());
        return builder.Build();
    }

    private static byte[] Dynamic() =>
        OnnxFile.ToBytes(DynamicRewriter.Rewrite(ModelRun.Parse(Mlp), ModelRun.Plan(QuantizationMethod.Dynamic)).Model);

    private static async Task<OnnxPredictor> LoadAsync(byte[] model) =>
        await OnnxPredictor.LoadAsync(
            ModelSource.FromBytes(model), new OnnxModelOptions(), new ModelLoadContext { Name = "m" },
            TestContext.Current.CancellationToken);
}
