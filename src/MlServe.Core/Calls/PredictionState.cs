namespace MlServe;

/// <summary>
/// The state behind a <see cref="Prediction"/> that is Ok. Pooled: the generation tells whether a prediction still owns it.
/// </summary>
internal sealed class PredictionState
{
    private static long _abandoned;

    /// <summary>States with more outputs do not lie in front of the pool: these hold on to 80 KiB at most.</summary>
    private const int MaxOwnOutputs = 64;

    // In front of the pool's own: a thread static of a generic class takes a look-up at run time, on the shortest path there is.
    [ThreadStatic]
    private static PredictionState? _own;

    private OutputValue[] _outputs = [new()];
    private int _generation = 1;
    private volatile bool _isRented;

    /// <summary>Counts predictions that were never disposed and whose state went to the garbage collector instead of the pool.</summary>
    ~PredictionState()
    {
        if (_isRented) Interlocked.Increment(ref _abandoned);
    }

    /// <summary>Predictions of this process that were collected without having been disposed.</summary>
    public static long Abandoned => Interlocked.Read(ref _abandoned);

    public int Generation => Volatile.Read(ref _generation);

    public int Count { get; private set; }

    public PredictionOrigin Origin { get; set; }

    public OutputValue this[int index] => _outputs[index];

    public static PredictionState Rent()
    {
        var state = _own;
        if (state is null) state = Pool<PredictionState>.Rent();
        else _own = null;
        state._isRented = true;
        return state;
    }

    public OutputValue Add()
    {
        if (Count == _outputs.Length) Array.Resize(ref _outputs, Math.Max(2, _outputs.Length * 2));
        return _outputs[Count++] ??= new();
    }

    /// <summary>Gives the state back, once; a second call for the same generation does nothing.</summary>
    public void Return(int generation)
    {
        if (Interlocked.CompareExchange(ref _generation, unchecked(generation + 1), generation) != generation) return;

        for (var i = 0; i < Count; i++)
            _outputs[i].Clear();
        Count = 0;
        Origin = default;
        _isRented = false;
        if (_own is null && _outputs.Length <= MaxOwnOutputs) _own = this;
        else if (!Pool<PredictionState>.Return(this, HeldBytes())) Forget();
    }

    // It was disposed of, and its buffers need not outlive the next collection.
#pragma warning disable CA1816
    private void Forget() => GC.SuppressFinalize(this);
#pragma warning restore CA1816

    /// <summary>Outputs of earlier models count as well: each keeps its buffer.</summary>
    private int HeldBytes()
    {
        var bytes = 0L;
        foreach (var output in _outputs)
            bytes += output?.HeldBytes ?? 0;
        return (int)Math.Min(bytes, int.MaxValue);
    }
}
