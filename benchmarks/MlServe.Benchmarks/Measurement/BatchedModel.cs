using MlServe.Batching;
using MlServe.Onnx;

namespace MlServe.Benchmarks.Measurement;

/// <summary>A model behind the batcher, and beside it the same model without.</summary>
internal sealed class BatchedModel : IDisposable
{
    private readonly IPredictor _batcher;

    public BatchedModel(byte[] model, Action<BatchingOptions> configure, RunGate? gate = null)
    {
        Gate = gate ?? new RunGate();
        Direct = OnnxPredictor.LoadAsync(ModelSource.FromBytes(model), context: new() { RunGate = Gate }).AsTask().GetAwaiter().GetResult();
        _batcher = new PredictorBuilder(Direct).UseBatching(configure).Build(new OneService(Gate));
        Predictor = Sabotage.Wrap(_batcher);
    }

    public BatchedModel(byte[] model, int maxBatch)
        : this(model, options => options.MaxBatchSize = maxBatch)
    {
    }

    public RunGate Gate { get; }

    public IPredictor Direct { get; }

    public IPredictor Predictor { get; }

    public double MeanBatch =>
        Predictor.GetService<BatchStatistics>() is { Runs: > 0 } statistics ? (double)statistics.Rows / statistics.Runs : 0;

    public void Dispose()
    {
        _batcher.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Direct.Dispose();
    }

    private sealed class OneService(object service) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType.IsInstanceOfType(service) ? service : null;
    }
}
