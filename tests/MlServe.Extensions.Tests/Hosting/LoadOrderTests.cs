using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using MlServe.Configuration;
using MlServe.Hosting;
using Xunit;

namespace MlServe.Tests.Hosting;

public sealed class LoadOrderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlserve-order-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void LargestFirst_FilesOfDifferentSizes_AreInOrderAndTheRestKeepsItsOwn()
    {
        var services = new ServiceCollection();
        services.AddOptions();
        Add(services, "small", 10);
        services.Configure<ModelOptions>("absent", options => options.Path = Path.Combine(_folder, "absent.onnx"));
        Add(services, "large", 1000);
        services.Configure<ModelOptions>("thrown", _ => throw new InvalidOperationException("Options of the application's."));
        Add(services, "middle", 100);
        Add(services, "alike", 100);
        using var provider = services.BuildServiceProvider();
        Assert.Equal(
            ["large", "middle", "alike", "small", "absent", "thrown"],
            LoadOrder.LargestFirst(
                ["small", "absent", "large", "thrown", "middle", "alike"],
                provider.GetRequiredService<IOptionsMonitor<ModelOptions>>()));
    }

    private void Add(IServiceCollection services, string name, int size)
    {
        var path = Path.Combine(_folder, name + ".onnx");
        File.WriteAllBytes(path, new byte[size]);
        services.Configure<ModelOptions>(name, options => options.Path = path);
    }
}
