using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MlServe.Batching;

namespace MlServe.Benchmarks.Load;

/// <summary>The system under test: a host with MlServe in it, as an application has it.</summary>
internal sealed class ServedModel : IAsyncDisposable
{
    private const string OwnName = "model";

    private readonly IHost _host;

    private ServedModel(IHost host, string name)
    {
        _host = host;
        Name = name;
        Predictor = host.Services.GetRequiredService<IPredictorProvider>().GetPredictor(name);
    }

    public string Name { get; }

    public IPredictor Predictor { get; }

    public ServiceLevel? ServiceLevel => Predictor.GetService<ServiceLevel>();

    /// <summary>How many models the host runs at once.</summary>
    public int MaxConcurrentRuns => _host.Services.GetRequiredService<RunGate>().MaxConcurrentRuns;

    public BatchStatistics? Batches => Predictor.GetService<BatchStatistics>();

    /// <summary>Serves a file with the library's own defaults.</summary>
    public static Task<ServedModel> FromFileAsync(string path, bool useBatching, CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) throw new LoadException($"There is no file '{path}'. Give --model the path of an ONNX file.");
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddMlServing().AddModel(OwnName, model =>
        {
            model.FromFile(Path.GetFullPath(path));
            if (useBatching) model.UseBatching();
        });
        return StartAsync(builder, OwnName, cancellationToken);
    }

    /// <summary>Serves a model as an application's settings have it. Relative paths in them start at their own folder.</summary>
    public static Task<ServedModel> FromSettingsAsync(string path, string? name, CancellationToken cancellationToken)
    {
        path = Path.GetFullPath(path);
        if (!File.Exists(path))
            throw new LoadException($"There is no file '{path}'. Give --settings the path of an application's appsettings.json.");
        var builder = Host.CreateApplicationBuilder(
            new HostApplicationBuilderSettings { DisableDefaults = true, ContentRootPath = Path.GetDirectoryName(path) });
        try
        {
            builder.Configuration.AddJsonFile(path, optional: false);
        }
        catch (InvalidDataException exception)
        {
            throw new LoadException($"'{path}' cannot be read: {exception.GetBaseException().Message}", exception);
        }

        builder.Services.AddMlServing();
        string[] names = [.. builder.Configuration.GetSection(MlServingOptions.SectionName)
            .GetSection("Models")
            .GetChildren()
            .Select(static model => model.Key)];
        var known = names.Length == 0
            ? $"It has no models in its section {MlServingOptions.SectionName}:Models."
            : $"It has: {string.Join(", ", names)}.";
        if (name is null && names.Length != 1)
            throw new LoadException($"'{path}' does not have exactly one model. {known} Say which with --name.");
        name ??= names[0];
        if (!names.Contains(name, StringComparer.OrdinalIgnoreCase)) throw new LoadException($"'{path}' has no model '{name}'. {known}");
        return StartAsync(builder, name, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        // A model that never answers would hold the drain up.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _host.StopAsync(patience.Token);
        _host.Dispose();
    }

    // The one place for what a load test switches off in the system under test: answering from a cache measures the cache.
    private static async Task<ServedModel> StartAsync(HostApplicationBuilder builder, string name, CancellationToken cancellationToken)
    {
        IHost? host = null;
        try
        {
            builder.Services.PostConfigureAll<ModelOptions>(static options => options.UseCache = false);
            host = builder.Build();
            await host.StartAsync(cancellationToken);
            return new(host, name);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            host?.Dispose();
            throw new LoadException(exception.Message, exception);
        }
    }
}
