namespace MlServe.Batching;

/// <summary>
/// How many rows of one shape run together: as many as pay, or fewer if they would take longer than the service level allows. Learns from
/// every run. Runs may tell of themselves at once.
/// </summary>
internal sealed class BatchLimit
{
    /// <summary>Runs from one look at what pays to the next, and how many of them try larger batches.</summary>
    private const int RunsPerLook = 1024;
    private const int TrialRuns = 16;

    /// <summary>Runs after which it is looked again whether batches keep to the service level.</summary>
    private const int RunsPerCap = 8;

    private readonly LatencyBudget _budget;
    private bool _isSettled;
    private int _capacity;
    private int _worthwhile;
    private int _runs;

    /// <param name="budget">How long batches may run.</param>
    /// <param name="capacity">The rows that there is room for.</param>
    public BatchLimit(LatencyBudget budget, int capacity)
    {
        _budget = budget;
        _capacity = capacity;
        _worthwhile = capacity;
        Value = capacity;
    }

    /// <summary>The cost of runs.</summary>
    public CostCurve Curve { get; private set; } = new();

    /// <summary>The limit in force.</summary>
    public int Value { get; private set; }

    /// <summary>Whether the limit is found by measuring sizes, and is looked at again.</summary>
    public bool IsMeasured => MeasuredRows > 0;

    /// <summary>The largest size that was measured, which batches do not exceed; 0: none is, and traffic tells.</summary>
    public int MeasuredRows { get; private set; }

    /// <summary>Whether the largest size that was measured is the best, so that larger ones may be better.</summary>
    /// <param name="most">The most rows that there may be.</param>
    public bool WantsMore(int most) => IsMeasured && !_isSettled && MeasuredRows < most && _worthwhile >= MeasuredRows;

    /// <summary>A size has been measured, and the curve knows what it costs.</summary>
    /// <param name="rows">The size.</param>
    /// <param name="capacity">The rows that there is room for.</param>
    public void Measured(int rows, int capacity)
    {
        MeasuredRows = Math.Max(rows, MeasuredRows);
        _capacity = capacity;
        Set(Curve.LargestWorthwhile(Math.Min(capacity, MeasuredRows)));
    }

    /// <summary>A larger size cannot be measured: those that were stay, until the limit is looked at again.</summary>
    public void Settle() => _isSettled = true;

    /// <summary>There is room for more rows: if as many ran together as there was room for, more do.</summary>
    public void Grow(int capacity)
    {
        var wasFull = _worthwhile >= _capacity;
        _capacity = capacity;
        if (wasFull) Set(capacity);
    }

    /// <summary>Begins with the limit of another queue of the same shape.</summary>
    public void TakeAfter(BatchLimit other)
    {
        // One curve for both: what the runs of one cost, those of the other do.
        (Curve, MeasuredRows) = (other.Curve, other.MeasuredRows);
        _worthwhile = Math.Min(other._worthwhile, _capacity);
        Value = Math.Min(other.Value, _capacity);
    }

    /// <summary>
    /// Learns from a run. Now and then larger batches are tried for a while and the limit is set anew. A limit that was measured at load,
    /// perhaps on a busy machine, must not hold for ever.
    /// </summary>
    public void Learn(int rows, TimeSpan runTime)
    {
        Curve.Add(rows, runTime.TotalSeconds);
        var runs = (uint)Interlocked.Increment(ref _runs) % RunsPerLook;
        if (runs == 0) (_isSettled, MeasuredRows) = (false, Math.Min(MeasuredRows, _capacity));
        if (IsMeasured && runs == 0) Set(Math.Min(_capacity, _worthwhile * 2));
        else if (IsMeasured && runs == TrialRuns) Set(Curve.LargestWorthwhile(_capacity));
        else if (runs % RunsPerCap == 0) Set(_worthwhile);
    }

    /// <summary>The curve's expectation of a run before it begins, and of one row alone; zero as long as nothing is known.</summary>
    public (TimeSpan Run, TimeSpan Alone) Expect(int rows) =>
        Curve.IsKnown ? (TimeSpan.FromSeconds(Curve.Predict(rows)), TimeSpan.FromSeconds(Curve.Predict(1))) : default;

    private void Set(int worthwhile)
    {
        _worthwhile = worthwhile;
        Value = _budget.Cap(Curve, worthwhile);
    }
}
