using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace MlServe;

/// <summary>Hosts that know hosted services as they were before .NET 8.</summary>
public sealed class OldHostTests : IDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly TestHost _test = new();

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task WebHostBuilder_Started_AnswersUntilItStops()
    {
#pragma warning disable ASPDEPR004, ASPDEPR008 // The old builder is what is tested.
        using var host = new WebHostBuilder()
            .UseKestrel(static options => options.Listen(IPAddress.Loopback, 0))
            .UseContentRoot(_test.Folder)
            .ConfigureServices(static services => services.AddMlServing().AddModel("sum", static model => model.FromFile("m.onnx")))
            .Configure(static app => app.Run(static async http =>
                await http.Response.WriteAsync($"{await http.RequestServices.GetRequiredService<IPredictor>().SumAsync()}")))
            .Build();
#pragma warning restore ASPDEPR004, ASPDEPR008

        await host.StartAsync(Token);
        var predictor = host.Services.GetRequiredKeyedService<IPredictor>("sum");
        using var client = new HttpClient();
        var address = host.ServerFeatures.Get<IServerAddressesFeature>()!.Addresses.Single();
        Assert.Equal("6", await client.GetStringAsync(new Uri(address), Token));

        await host.StopAsync(Token);
        Assert.Equal(PredictionErrorCode.Draining, (await predictor.ErrorAsync()).Code);
    }

    [Fact]
    public async Task StartAsync_BadModelAndNoLifecycle_Fails()
    {
        File.WriteAllBytes(Path.Combine(_test.Folder, "m.onnx"), [1, 2, 3]);
        using var host = _test.Build(static services => services.AddMlServing().AddModel("sum", static model => model.FromFile("m.onnx")));

        var service = host.Services.GetServices<IHostedService>()
            .Single(static service => service.GetType().Namespace == "MlServe.Hosting");
        await Assert.ThrowsAsync<ModelLoadException>(() => service.StartAsync(Token));
    }
}
