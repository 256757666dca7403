using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace MlServe;

/// <summary>A content root of its own, with models and an <c>appsettings.json</c>, and the hosts that are started in it.</summary>
internal sealed class TestHost : IDisposable
{
    public TestHost() => WriteModel("m.onnx");

    public string Folder { get; } = Directory.CreateTempSubdirectory("mlserve-tests-").FullName;

    /// <summary>Makes a host that is not started.</summary>
    /// <param name="addModels">Adds MlServe and models.</param>
    /// <param name="settings">The content of <c>appsettings.json</c>.</param>
    public IHost Build(Action<IServiceCollection> addModels, string settings = "{}") =>
        Build((builder, _) => addModels(builder.Services), settings);

    public IHost Build(Action<HostApplicationBuilder, IConfigurationManager> addModels, string settings = "{}")
    {
        File.WriteAllText(Path.Combine(Folder, "appsettings.json"), settings);
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true, ContentRootPath = Folder });
        builder.Configuration.AddJsonFile("appsettings.json");
        addModels(builder, builder.Configuration);
        return builder.Build();
    }

    /// <summary>Makes a host and starts it.</summary>
    public async Task<IHost> StartAsync(Action<IServiceCollection> addModels, string settings = "{}")
    {
        var host = Build(addModels, settings);
        await host.StartAsync(Xunit.TestContext.Current.CancellationToken);
        return host;
    }

    public string WriteModel(string name, float weight = 1, float bias = 0)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, TinyOnnx.WeightedSum(weight, bias));
        return path;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
