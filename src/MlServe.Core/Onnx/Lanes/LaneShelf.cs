namespace MlServe.Onnx;

/// <summary>The idle lanes of one shape, and the facts about its outputs.</summary>
internal sealed class LaneShelf(LaneShape shape)
{
    private readonly Lock _gate = new();
    private readonly List<OnnxLane> _idle = [];
    private OnnxLane? _hot;
    private volatile bool _isRetired;
    private volatile OutputPlan? _plan;
    private volatile bool _isUnforeseeable;
    private volatile int _tried;
    private int _isTrying;
    private volatile bool _hasRun;

    public LaneShape Shape { get; } = shape;

    /// <summary>When the shelf was used last, in the executor's own count.</summary>
    public long LastUse { get; set; }

    /// <summary>The shapes of outputs as a run has shown them; null as long as none has, or if they cannot be foreseen.</summary>
    public OutputPlan? Plan => _plan;

    /// <summary>Outputs that the runtime leaves unwritten.</summary>
    public IReadOnlyList<int> Unwritten { get; private set; } = [];

    /// <summary>
    /// The plan to bind memory by in a run of so many rows. It is null as long as that was not tried with one row, or with several, as the
    /// run has.
    /// </summary>
    public OutputPlan? PlanFor(int rows) => (_tried & KindOf(rows)) != 0 ? _plan : null;

    /// <summary>
    /// Whether it has still to be tried to bind memory for a run of so many rows, and nobody else is at it. If so, the caller ends the
    /// trial. A shape that comes once is not worth it.
    /// </summary>
    public bool TryBeginTrial(int rows)
    {
        var isFirst = !_hasRun;
        _hasRun = true;
        return !isFirst && !_isUnforeseeable && (_tried & KindOf(rows)) == 0 && Interlocked.Exchange(ref _isTrying, 1) == 0;
    }

    /// <summary>The plan held in a run of so many rows.</summary>
    public void Learn(OutputPlan plan, int rows)
    {
        lock (_gate)
        {
            if (_isUnforeseeable) return;
            _plan = plan;
            _tried |= KindOf(rows);
        }
    }

    /// <summary>Binds no memory any more.</summary>
    /// <param name="unwritten">The outputs for which the runtime has no answer.</param>
    public void GiveUpPlan(params IReadOnlyList<int> unwritten)
    {
        lock (_gate)
        {
            if (unwritten.Count > 0) Unwritten = unwritten;
            _isUnforeseeable = true;
            _tried = 0;
            _plan = null;
        }
    }

    public void EndTrial() => Volatile.Write(ref _isTrying, 0);

    /// <summary>Takes an idle lane with room for the rows, or null.</summary>
    public OnnxLane? Take(int rows)
    {
        var hot = Interlocked.Exchange(ref _hot, null);
        if (hot is not null && hot.Capacity >= rows) return hot;

        OnnxLane? found = null;
        lock (_gate)
        {
            for (var i = _idle.Count - 1; i >= 0; i--)
            {
                if (_idle[i].Capacity < rows) continue;
                found = _idle[i];
                _idle.RemoveAt(i);
                break;
            }

            if (hot is not null) _idle.Add(hot);
        }

        return found;
    }

    /// <summary>Whether a lane lies here.</summary>
    public bool HasIdle
    {
        get
        {
            if (Volatile.Read(ref _hot) is not null) return true;
            lock (_gate)
                return _idle.Count > 0;
        }
    }

    public void Put(OnnxLane lane)
    {
        var displaced = Interlocked.Exchange(ref _hot, lane);
        if (displaced is null) return;
        lock (_gate)
            _idle.Add(displaced);
    }

    /// <summary>Whether nobody will look for lanes here any more, so that one that comes back has to be closed.</summary>
    public bool IsRetired => _isRetired;

    /// <summary>Says that nobody will look for lanes here any more, and takes those that lie here.</summary>
    public List<OnnxLane> Retire()
    {
        _isRetired = true;
        return TakeAll();
    }

    /// <summary>Takes the idle lanes but for one.</summary>
    public List<OnnxLane> TakeSpare()
    {
        lock (_gate)
        {
            List<OnnxLane> lanes = [.. _idle];
            _idle.Clear();
            return lanes;
        }
    }

    /// <summary>Takes all idle lanes.</summary>
    public List<OnnxLane> TakeAll()
    {
        var lanes = TakeSpare();
        if (Interlocked.Exchange(ref _hot, null) is { } hot) lanes.Add(hot);
        return lanes;
    }

    /// <summary>A fact about one row need not hold for two: a size of 1 is stretched.</summary>
    private static int KindOf(int rows) => rows == 1 ? 1 : 2;
}
