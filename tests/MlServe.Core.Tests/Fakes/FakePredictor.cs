namespace MlServe.Tests.Fakes;

/// <summary>Answers as it is told to, and remembers how it was called and disposed.</summary>
internal sealed class FakePredictor(Func<PredictionInputs, CancellationToken, ValueTask<Prediction>> answer) : IPredictor
{
    public static readonly PredictionError Refusal = new(PredictionStatus.Overloaded, PredictionErrorCode.QueueFull, "The queue is full.");

    public FakePredictor()
        : this(static (inputs, _) => new(Answers.Echo(inputs)))
    {
    }

    public FakePredictor(PredictionError error)
        : this((_, _) => new(Prediction.FromError(error)))
    {
    }

    public ModelSignature Signature { get; } = new(
        [new() { Name = "x", Kind = ValueKind.Tensor, ElementType = Tensors.ElementType.Int64 }],
        [new() { Name = "id", Kind = ValueKind.Tensor, ElementType = Tensors.ElementType.Int64 }]);

    public int Calls { get; private set; }

    public PredictionOptions? LastOptions { get; private set; }

    public CancellationToken LastToken { get; private set; }

    public int Disposals { get; private set; }

    public Action? OnDispose { get; init; }

    public object? Service { get; init; }

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        Calls++;
        LastOptions = options;
        LastToken = cancellationToken;
        return answer(inputs, cancellationToken);
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => serviceType.IsInstanceOfType(Service) ? Service : null;

    public void Dispose()
    {
        Disposals++;
        OnDispose?.Invoke();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }
}
