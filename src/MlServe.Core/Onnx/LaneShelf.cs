using Microsoft.ML.OnnxRuntime;

namespace MlServe.Onnx;

/// <summary>The idle lanes of one shape and what is known of its outputs.</summary>
internal sealed class LaneShelf(LaneShape shape)
{
    private readonly Lock _gate = new();
    private readonly List<OnnxLane> _idle = [];
    private OnnxLane? _hot;
    private volatile OutputPlan? _plan;
    private volatile bool _isUnforeseeable;
    private volatile bool _isRetired;

    public LaneShape Shape { get; } = shape;

    /// <summary>When the shelf was used last, in the executor's own count.</summary>
    public long LastUse { get; set; }

    /// <summary>Null as long as no run has taught it, or where outputs cannot be foreseen.</summary>
    public OutputPlan? Plan => _plan;

    public void LearnPlan(ModelSignature signature, IReadOnlyCollection<OrtValue> values, int rows)
    {
        if (_isUnforeseeable || _plan is not null) return;
        lock (_gate)
        {
            if (_isUnforeseeable || _plan is not null) return;
            _plan = OutputPlan.Learn(signature, values, rows);
            _isUnforeseeable = _plan is null;
        }
    }

    public void GiveUpPlan()
    {
        _isUnforeseeable = true;
        _plan = null;
    }

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

    /// <summary>Takes all idle lanes.</summary>
    public List<OnnxLane> TakeAll()
    {
        List<OnnxLane> lanes;
        lock (_gate)
        {
            lanes = [.. _idle];
            _idle.Clear();
        }

        if (Interlocked.Exchange(ref _hot, null) is { } hot) lanes.Add(hot);
        return lanes;
    }
}
