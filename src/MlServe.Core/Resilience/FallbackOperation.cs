using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MlServe.Resilience;

/// <summary>A call whose model did not answer at once. Pooled; only where the chain is needed an async method goes on.</summary>
internal sealed class FallbackOperation : PooledSource
{
    private readonly Action _continue;
    private ConfiguredValueTaskAwaitable<Prediction>.ConfiguredValueTaskAwaiter _inner;
    private FallbackPredictor? _owner;
    private PredictionInputs _inputs;
    private PredictionOptions? _options;
    private CancellationToken _cancellationToken;
    private ExecutionContext? _context;
    private PredictionError? _reason;
    private long _started;
    private bool _isFallback;

    public FallbackOperation() => _continue = Continue;

    public static FallbackOperation Rent() => Pool<FallbackOperation>.Rent();

    public ValueTask<Prediction> Start(
        FallbackPredictor owner, long started, in PredictionInputs inputs, PredictionOptions? options, ValueTask<Prediction> pending, CancellationToken cancellationToken)
    {
        _owner = owner;
        _started = started;
        _inputs = inputs;
        _options = options;
        _cancellationToken = cancellationToken;
        _context = ExecutionContext.Capture();
        _isFallback = false;
        var result = Begin();
        Await(pending);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<FallbackOperation>.Return(this);
    }

    private void Await(ValueTask<Prediction> pending)
    {
        _inner = pending.ConfigureAwait(false).GetAwaiter();
        if (_inner.IsCompleted) Continue();
        else if (Activity.Current is null) _inner.UnsafeOnCompleted(_continue);
        else _inner.OnCompleted(_continue);
    }

    private void Continue()
    {
        Prediction answer;
        try
        {
            answer = _inner.GetResult();
            if (!_isFallback)
            {
                if (!answer.IsOk && _owner!.IsNeeded(in answer))
                {
                    _isFallback = true;
                    _reason = answer.Error;
                    BeginFallback();
                    return;
                }

                _owner!.Ended();
            }
        }
        catch (Exception exception)
        {
            Forget();
            SetException(exception);
            return;
        }

        // Once the result is set, the operation may be rented again by somebody else.
        Forget();
        SetResult(answer);
    }

    /// <summary>Whoever answered may have come without the caller's context; functions and layers of the application's that answer in the model's place find it there all the same.</summary>
    private void BeginFallback()
    {
        if (_context is null) FallBack(this);
        else ExecutionContext.Run(_context, FallBack, this);
    }

    private static void FallBack(object? operation)
    {
        var self = (FallbackOperation)operation!;
        self.Await(self._owner!.FallBackAsync(self._reason!, self._started, self._inputs, self._options, self._cancellationToken));
    }

    private void Forget()
    {
        _context = null;
        _reason = null;
        _owner = null;
        _inputs = default;
        _options = null;
        _cancellationToken = default;
        _inner = default;
    }
}
