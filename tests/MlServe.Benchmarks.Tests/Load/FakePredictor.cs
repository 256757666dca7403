namespace MlServe.Benchmarks.Load;

/// <summary>Faults that no real model has on demand.</summary>
internal sealed class FakePredictor(Func<long, ValueTask<Prediction>> answer) : IPredictor
{
    private long _calls;

    public ModelSignature Signature { get; } = new([], [new() { Name = "y", Kind = ValueKind.Tensor }]);

    public static Prediction Refused { get; } = Error(PredictionStatus.Overloaded);

    public static Prediction Failed { get; } = Error(PredictionStatus.Failed);

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default) =>
        answer(Interlocked.Increment(ref _calls) - 1);

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => default;

    private static Prediction Error(PredictionStatus status) =>
        Prediction.FromError(new(status, PredictionErrorCode.None, "a fault of the test"));
}
