using System.Runtime.CompilerServices;

namespace MlServe;

/// <summary>
/// A call through the typed door whose prediction was not there at once. Pooled: the runtime's own pool of state machines keeps about one for each thread,
/// and many calls may wait.
/// </summary>
internal sealed class TypedOperation<TInput, TOutput> : PooledSource<TOutput>
{
    private readonly Action _continue;
    private ConfiguredValueTaskAwaitable<Prediction>.ConfiguredValueTaskAwaiter _pending;
    private TypedPredictor<TInput, TOutput>? _owner;
    private PredictionInputWriter? _writer;
    private ExecutionContext? _context;

    public TypedOperation() => _continue = Continue;

    public static ValueTask<TOutput> Start(
        TypedPredictor<TInput, TOutput> owner, PredictionInputWriter writer, ValueTask<Prediction> pending)
    {
        var operation = Pool<TypedOperation<TInput, TOutput>>.Rent();
        operation._owner = owner;
        operation._writer = writer;
        operation._context = ExecutionContext.Capture();
        operation._pending = pending.ConfigureAwait(false).GetAwaiter();
        var result = operation.Begin();
        if (operation._pending.IsCompleted) operation.Continue();
        else operation._pending.UnsafeOnCompleted(operation._continue);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<TypedOperation<TInput, TOutput>>.Return(this);
    }

    /// <summary>The mapper is the application's, and finds its caller's context whoever answered.</summary>
    private void Continue()
    {
        var context = _context;
        _context = null;
        if (context is null || ReferenceEquals(context, ExecutionContext.Capture())) Map();
        else ExecutionContext.Run(context, static operation => ((TypedOperation<TInput, TOutput>)operation!).Map(), this);
    }

    private void Map()
    {
        var (owner, writer, pending) = (_owner!, _writer!, _pending);
        (_owner, _writer, _pending) = (null, null, default);
        TOutput output;
        try
        {
            output = owner.Finish(pending, writer);
        }
#pragma warning disable CA1031 // Whatever it is, the model's or the mapper's, it goes to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            SetException(exception);
            return;
        }

        SetResult(output);
    }
}
