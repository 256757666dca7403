namespace MlServe;

/// <summary>
/// A call through the typed door whose prediction was not there at once. Pooled: the runtime's own pool of state machines keeps about one
/// for each thread, and many calls may wait.
/// </summary>
internal sealed class TypedOperation<TInput, TOutput> : AwaitingSource<Prediction, TOutput>
{
    private TypedPredictor<TInput, TOutput>? _owner;
    private PredictionInputWriter? _writer;
    private ExecutionContext? _context;

    public static ValueTask<TOutput> Start(
        TypedPredictor<TInput, TOutput> owner, PredictionInputWriter writer, ValueTask<Prediction> pending)
    {
        var operation = Pool<TypedOperation<TInput, TOutput>>.Rent();
        operation._owner = owner;
        operation._writer = writer;
        operation._context = ExecutionContext.Capture();
        var result = operation.Begin();
        operation.Await(pending);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<TypedOperation<TInput, TOutput>>.Return(this);
    }

    /// <summary>The mapper is the application's, and finds its caller's context, no matter which code answered.</summary>
    protected override void Continue()
    {
        var context = _context;
        _context = null;
        if (context is null || ReferenceEquals(context, ExecutionContext.Capture())) Map();
        else ExecutionContext.Run(context, static operation => ((TypedOperation<TInput, TOutput>)operation!).Map(), this);
    }

    private void Map()
    {
        var (owner, writer) = (_owner!, _writer!);
        (_owner, _writer) = (null, null);
        TOutput output;
        try
        {
            output = owner.Decode(Predicted(writer), writer);
        }
#pragma warning disable CA1031 // Whatever it is, the model's or the mapper's, it goes to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ForgetInner();
            SetException(exception);
            return;
        }

        ForgetInner();
        SetResult(output);
    }

    private Prediction Predicted(PredictionInputWriter writer)
    {
        try
        {
            return InnerResult();
        }
        catch
        {
            writer.Return();
            throw;
        }
    }
}
