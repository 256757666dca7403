namespace MlServe.Resilience;

/// <summary>A call whose model did not answer at once. Pooled; only where the chain is needed an async method goes on.</summary>
internal sealed class FallbackOperation : AwaitingSource<Prediction, Prediction>
{
    private FallbackPredictor? _owner;
    private PredictionInputs _inputs;
    private PredictionOptions? _options;
    private CancellationToken _cancellationToken;
    private ExecutionContext? _context;
    private PredictionError? _reason;
    private Task<Prediction>? _fallback;
    private long _started;
    private bool _isFallback;

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
        Await(pending, flowsActivity: true);
        return result;
    }

    protected override void Read()
    {
        Reset();
        Pool<FallbackOperation>.Return(this);
    }

    protected override void Continue()
    {
        Prediction answer;
        Task<Prediction>? fallback = null;
        try
        {
            answer = InnerResult();
            if (!_isFallback)
            {
                if (!answer.IsOk && _owner!.IsNeeded(in answer)) fallback = BeginFallback(answer.Error);
                else _owner!.Ended();
            }
        }
        catch (Exception exception)
        {
            Forget();
            SetException(exception);
            return;
        }

        if (fallback is not null)
        {
            _isFallback = true;
            Await(fallback);
            return;
        }

        // Once the result is set, the operation may be rented again by somebody else.
        Forget();
        SetResult(answer);
    }

    /// <summary>Whoever answered may have come without the caller's context; functions and layers of the application's that answer in the model's place find it there all the same.</summary>
    private Task<Prediction> BeginFallback(PredictionError reason)
    {
        _reason = reason;
        if (_context is null) FallBack(this);
        else ExecutionContext.Run(_context, FallBack, this);
        return _fallback!;
    }

    private static void FallBack(object? operation)
    {
        var self = (FallbackOperation)operation!;
        self._fallback = self._owner!.FallBackAsync(self._reason!, self._started, self._inputs, self._options, self._cancellationToken);
    }

    private void Forget()
    {
        _context = null;
        _reason = null;
        _fallback = null;
        _owner = null;
        _inputs = default;
        _options = null;
        _cancellationToken = default;
        ForgetInner();
    }
}
