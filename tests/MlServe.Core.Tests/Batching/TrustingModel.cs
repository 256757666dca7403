using MlServe.Onnx;

namespace MlServe.Tests.Batching;

/// <summary>
/// A real model whose rows mix, and of which nothing is known: what no load would let pass, as far as anybody can tell. Only so can be seen
/// what happens when it is found out in service.
/// </summary>
internal sealed class TrustingModel(OnnxPredictor model) : IPredictor, IModelExecutor
{
    private readonly IModelExecutor _executor = model.GetService<IModelExecutor>()!;

    public ModelSignature Signature { get; } = new(model.Signature.Inputs, model.Signature.Outputs, "Nothing is known.");

    public ModelIdentity Identity => _executor.Identity;

    public PredictionInputs? SampleRequest => _executor.SampleRequest;

    public PredictionError? Prepare(in PredictionInputs inputs, PredictionOptions? options, out PreparedRequest request) =>
        _executor.Prepare(in inputs, options, out request);

    public ILane Rent(LaneShape shape, int rows) => _executor.Rent(shape, rows);

    public ILane? TryRent(LaneShape shape, int rows) => _executor.TryRent(shape, rows);

    public void LimitLanes(long bytes) => _executor.LimitLanes(bytes);

    public long MakeRoom(long bytes) => _executor.MakeRoom(bytes);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        model.PredictAsync(inputs, options, cancellationToken);

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceType.IsInstanceOfType(this) ? this : model.GetService(serviceType, serviceKey);

    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => default;
}
