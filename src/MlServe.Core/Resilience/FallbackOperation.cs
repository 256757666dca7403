namespace MlServe.Resilience;

/// <summary>A call whose model did not answer at once. Pooled; only where the chain is needed an async method goes on.</summary>
internal sealed class FallbackOperation : AwaitingSource<Prediction, Prediction>
{
    private FallbackPredictor? _owner;
    private PredictionInputs _inputs;
    private PredictionOptions? _options;
    private CancellationToken _cancellationToken;
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
        ValueTask<Prediction>? fallback = null;
        try
        {
            answer = InnerResult();
            if (!_isFallback)
            {
#pragma warning disable CA2012 // Awaited once, below.
                if (!answer.IsOk && _owner!.IsNeeded(in answer)) fallback = _owner.FallBackAsync(answer.Error, _started, _inputs, _options, _cancellationToken);
#pragma warning restore CA2012
                else _owner!.Ended();
            }
        }
        catch (Exception exception)
        {
            Forget();
            SetException(exception);
            return;
        }

        if (fallback is { } pending)
        {
            _isFallback = true;
            Await(pending, flowsActivity: true);
            return;
        }

        // Once the result is set, the operation may be rented again by somebody else.
        Forget();
        SetResult(answer);
    }

    private void Forget()
    {
        _owner = null;
        _inputs = default;
        _options = null;
        _cancellationToken = default;
        ForgetInner();
    }
}
