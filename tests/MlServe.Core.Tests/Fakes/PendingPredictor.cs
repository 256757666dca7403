using System.Threading.Tasks.Sources;

namespace MlServe.Tests.Fakes;

/// <summary>
/// Keeps calls pending until it is told to answer the oldest. Allocates nothing once it has seen its greatest number of calls.
/// </summary>
internal sealed class PendingPredictor : IPredictor, IKeepsDeadlines, ITakesDeadlines
{
    private readonly Stack<Call> _idle = new();
    private readonly Queue<Call> _pending = new();

    public ModelSignature Signature { get; } = new FakePredictor().Signature;

    public int Pending => _pending.Count;

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var call = _idle.TryPop(out var idle) ? idle : new(this);
        call.Id = inputs.Count == 0 ? 0 : Answers.IdOf(in inputs);
        _pending.Enqueue(call);
        return call.Task;
    }

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options, Deadline deadline, CancellationToken cancellationToken) =>
        PredictAsync(inputs, options, cancellationToken);

    public void Answer() => Next().Answer();

    /// <summary>Puts the oldest behind the others.</summary>
    public void Rotate() => _pending.Enqueue(Next());

    public void Refuse(PredictionError error) => Next().Complete(Prediction.FromError(error));

    public void Fail(Exception exception) => Next().Fail(exception);

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }

    public ValueTask DisposeAsync() => default;

    private Call Next() => _pending.Dequeue();

    private sealed class Call(PendingPredictor owner) : IValueTaskSource<Prediction>
    {
        private ManualResetValueTaskSourceCore<Prediction> _source;

        public long Id { get; set; }

        public ValueTask<Prediction> Task => new(this, _source.Version);

        public void Answer() => _source.SetResult(Answers.Of(Id));

        public void Complete(Prediction prediction) => _source.SetResult(prediction);

        public void Fail(Exception exception) => _source.SetException(exception);

        public Prediction GetResult(short token)
        {
            try
            {
                return _source.GetResult(token);
            }
            finally
            {
                _source.Reset();
                owner._idle.Push(this);
            }
        }

        public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _source.OnCompleted(continuation, state, token, flags);
    }
}
