namespace MlServe.Tests.Engine;

/// <summary>How a layer does not come back.</summary>
public enum StuckKind
{
    /// <summary>It waits and does not heed its token.</summary>
    Waits,

    /// <summary>It holds the thread that calls it.</summary>
    Blocks,

    /// <summary>It asks the model and keeps the answer to itself.</summary>
    Keeps,
}

/// <summary>Layers that go on until they are let go.</summary>
internal sealed class StuckLayers : IDisposable
{
    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inside;

    public int Inside => Volatile.Read(ref _inside);

    public void LetGo() => _go.TrySetResult();

    public void Dispose() => LetGo();

    public IPredictor Around(IPredictor inner, StuckKind kind) => new Layer(this, inner, kind);

    public Func<PredictionInputs, PredictionOptions?, CancellationToken, ValueTask<Prediction>> Step(StuckKind kind) => async (_, _, _) =>
    {
        await StickAsync(kind);
        return Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.UserCodeFailed, "The step was let go."));
    };

    private async Task StickAsync(StuckKind kind)
    {
        Interlocked.Increment(ref _inside);
        try
        {
            if (kind == StuckKind.Blocks) _go.Task.Wait(CancellationToken.None);
            else await _go.Task;
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
        }
    }

    private sealed class Layer(StuckLayers owner, IPredictor inner, StuckKind kind) : DelegatingPredictor(inner)
    {
        public override async ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            if (kind != StuckKind.Keeps)
            {
                await owner.StickAsync(kind);
                return await Inner.PredictAsync(inputs, options, CancellationToken.None);
            }

            var answer = await Inner.PredictAsync(inputs, options, CancellationToken.None);
            await owner.StickAsync(kind);
            return answer;
        }
    }
}
