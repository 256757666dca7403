using Microsoft.Extensions.DependencyInjection;
using MlServe.Onnx;
using MlServe.Tensors;
using Xunit;

namespace MlServe;

/// <summary>
/// A model served as an application has it, added to a container and asked for by its name: the one place that knows how.
/// </summary>
internal sealed class Served : IAsyncDisposable
{
    private const string Name = "case";

    private readonly ServiceProvider _services;
    private readonly IPredictor _predictor;

    private Served(ServiceProvider services)
    {
        _services = services;
        _predictor = services.GetRequiredKeyedService<IPredictor>(Name);
    }

    public ModelSignature Signature => _predictor.Signature;

    /// <exception cref="ModelLoadException">The model cannot be served.</exception>
    public static async Task<Served> LoadAsync(byte[] model, Action<OnnxModelOptions>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddMlServing().AddModel(Name, builder => builder.FromSource(ModelSource.FromBytes(model)).ConfigureOnnx(options =>
        {
            // Cases hold whatever an operator is defined for.
            options.NonFiniteInputs["*"] = NonFiniteValues.All;
            configure?.Invoke(options);
        }));
        var provider = services.BuildServiceProvider();
        try
        {
            await provider.GetRequiredService<IPredictorProvider>().LoadAsync(TestContext.Current.CancellationToken);
            return new(provider);
        }
        catch
        {
            await provider.DisposeAsync();
            throw;
        }
    }

    /// <summary>A model of the shared folder.</summary>
    public static async Task<Served> LoadAsync(string path, Action<OnnxModelOptions>? configure = null) =>
        await LoadAsync(await File.ReadAllBytesAsync(SharedData.PathOf(path), TestContext.Current.CancellationToken), configure);

    /// <summary>Asks the model.</summary>
    public Task<Prediction> PredictAsync(PredictionInputs inputs, PredictionOptions? options = null) =>
        _predictor.PredictAsync(inputs, options, TestContext.Current.CancellationToken).AsTask();

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
