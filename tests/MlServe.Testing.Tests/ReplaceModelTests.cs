using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace MlServe.Testing;

/// <summary>A host's model is a predictor of the application's, or of its test's.</summary>
public sealed class ReplaceModelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FromPredictor_InAHost_IsAskedThroughItsLayersAndNotDisposed()
    {
        using var fake = FakePredictorTests.Sums();
        using (var host = Build(services =>
            services.AddMlServing().AddModel("sums", model => model.FromPredictor(fake).UseCache().UseTimeout())))
        {
            await host.StartAsync(Token);
            var predictor = host.Services.GetRequiredKeyedService<IPredictor>("sums");
            Assert.Equal(new ModelIdentity("sums"), predictor.GetService<ModelIdentity>());
            for (var i = 0; i < 2; i++)
            {
                using var prediction = await predictor.PredictAsync(PredictionInputs.Row(new float[] { 1, 2 }), null, Token);
                Assert.Equal(3, prediction.EnsureOk()["sum"].ToScalar<float>());
            }

            Assert.Equal(1, fake.Count);
            await host.StopAsync(Token);
        }

        using var after = await fake.PredictAsync(PredictionInputs.Row(new float[2]), null, Token);
        Assert.True(after.IsOk);
    }

    [Fact]
    public async Task FromPredictor_Factory_IsDisposedWithTheModel()
    {
        FakePredictor? made = null;
        using (var host = Build(services =>
            services.AddMlServing().AddModel("sums", model => model.FromPredictor(_ => made = FakePredictorTests.Sums()))))
        {
            await host.StartAsync(Token);
            await host.StopAsync(Token);
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            await made!.PredictAsync(PredictionInputs.Row(new float[2]), null, Token));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ReplaceModel_WhateverTheHostSays_AsksTheFake(bool isConfigured)
    {
        using var fake = FakePredictorTests.Sums();
        using var host = Build(services =>
        {
            if (!isConfigured) services.AddMlServing().AddModel("sums", static model => model.FromFile("missing.onnx").UseBatching());
            else services.AddMlServing();
            services.ReplaceModel("sums", FakePredictorTests.Sums());
            services.ReplaceModel("sums", fake);
        }, isConfigured ? new() { ["MlServing:Models:sums:Path"] = "missing.onnx", ["MlServing:Models:sums:UseBatching"] = "true" } : []);
        await host.StartAsync(Token);
        using var prediction = await host.Services.GetRequiredKeyedService<IPredictor>("sums")
            .PredictAsync(PredictionInputs.Row(new float[] { 4, 5 }), null, Token);
        Assert.Equal(9, prediction.EnsureOk()["sum"].ToScalar<float>());
        Assert.Equal([4f, 5], Assert.Single(fake.Requests).Inputs[0].ToArray<float>());
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task ReplaceModel_ThatThereIsNot_DoesNotStart()
    {
        using var fake = FakePredictorTests.Sums();
        using var host = Build(services =>
        {
            services.AddMlServing().AddModel("sums", model => model.FromPredictor(fake));
            services.ReplaceModel("sum", fake);
        });
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync(Token));
        Assert.Contains("no model 'sum' to be replaced. The host has: 'sums'", exception.Message, StringComparison.Ordinal);
    }

    private static IHost Build(Action<IServiceCollection> configure, Dictionary<string, string?>? configuration = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(configuration ?? []);
        configure(builder.Services);
        return builder.Build();
    }
}
