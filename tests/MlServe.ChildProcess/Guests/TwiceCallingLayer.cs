using System.Threading.Tasks.Sources;

namespace MlServe.ChildProcess.Guests;

/// <summary>
/// A layer whose value tasks call those who wait for them twice, the second time when the object that waited serves somebody else; or throw
/// when they are awaited.
/// </summary>
internal sealed class TwiceCallingLayer(IPredictor inner, Mischief mischief) : DelegatingPredictor(inner)
{
    public override ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var source = new Source(base.PredictAsync(inputs, options, cancellationToken).AsTask(), mischief);
        return new(source, 0);
    }

    private sealed class Source(Task<Prediction> task, Mischief mischief) : IValueTaskSource<Prediction>
    {
        public Prediction GetResult(short token) => task.GetAwaiter().GetResult();

        public ValueTaskSourceStatus GetStatus(short token) =>
            !task.IsCompleted ? ValueTaskSourceStatus.Pending
                : task.IsCompletedSuccessfully ? ValueTaskSourceStatus.Succeeded
                : ValueTaskSourceStatus.Faulted;

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        {
            if (mischief.Fails("layer.CallsEarly")) continuation(state);
            _ = task.ContinueWith(
                _ =>
                {
                    continuation(state);
                    if (mischief.Fails("layer.CallsTwice")) continuation(state);
                },
                TaskScheduler.Default);
            mischief.Call("layer.OnCompleted");
        }
    }
}
