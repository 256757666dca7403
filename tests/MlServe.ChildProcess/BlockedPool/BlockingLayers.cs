namespace MlServe.ChildProcess.BlockedPool;

/// <summary>Calls of a layer that hold each thread that comes to them until all who ask have their answers.</summary>
internal sealed class BlockingLayers
{
    /// <summary>More than there are threads for them, and fewer than a model's layers may have.</summary>
    public const int Calls = 90;

    /// <summary>Longer than it takes until all threads are held.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(4);

    private const int Threads = 64;

    private readonly TaskCompletionSource _go = new();
    private int _asking = Environment.ProcessorCount;
    private int _inside;

    public PredictorBuilder Around(PredictorBuilder builder) => builder.Use(inner => new Layer(this, inner));

    public void WaitUntilAllAreInside() => SpinWait.SpinUntil(() => Volatile.Read(ref _inside) >= Threads, Answers.Patience);

    /// <summary>Lets the layers go when all who ask have been answered, in whichever way.</summary>
    public string Go(Func<string> ask)
    {
        try
        {
            return ask();
        }
        finally
        {
            if (Interlocked.Decrement(ref _asking) == 0) _go.SetResult();
        }
    }

    private sealed class Layer(BlockingLayers owner, IPredictor inner) : DelegatingPredictor(inner)
    {
        public override ValueTask<Prediction> PredictAsync(
            PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref owner._inside);
            owner._go.Task.Wait(CancellationToken.None);
            return base.PredictAsync(inputs, options, cancellationToken);
        }
    }
}
