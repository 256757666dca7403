using MlServe.Onnx;
using Xunit;

namespace MlServe;

/// <summary>A model served as an application has it: the one place that knows how.</summary>
internal sealed class Served : IAsyncDisposable
{
    private readonly OnnxPredictor _predictor;

    private Served(OnnxPredictor predictor) => _predictor = predictor;

    public IPredictor Predictor => _predictor;

    public ModelSignature Signature => _predictor.Signature;

    /// <exception cref="ModelLoadException">The model cannot be served.</exception>
    public static async Task<Served> LoadAsync(byte[] model, Action<OnnxModelOptions>? configure = null)
    {
        var options = new OnnxModelOptions();
        configure?.Invoke(options);
        return new(await OnnxPredictor.LoadAsync(ModelSource.FromBytes(model), options, null, TestContext.Current.CancellationToken));
    }

    /// <summary>A model of the shared folder.</summary>
    public static async Task<Served> LoadAsync(string path, Action<OnnxModelOptions>? configure = null) =>
        await LoadAsync(await File.ReadAllBytesAsync(SharedData.PathOf(path), TestContext.Current.CancellationToken), configure);

    /// <summary>Asks the model.</summary>
    public Task<Prediction> PredictAsync(PredictionInputs inputs, PredictionOptions? options = null) =>
        _predictor.PredictAsync(inputs, options, TestContext.Current.CancellationToken).AsTask();

    public ValueTask DisposeAsync() => _predictor.DisposeAsync();
}
