namespace MlServe.Onnx;

/// <summary>
/// Runs rows on a session: checks requests, keeps lanes. Every lane that is out holds a share of the session, so that the session outlives it.
/// </summary>
internal sealed class OnnxExecutor : IBatchExecutor
{
    private const int MaxShelves = 64;
    private const long ExactAboveBytes = 16L * 1024 * 1024;

    private readonly RequestChecker _checker;
    private readonly Lock _gate = new();
    private readonly Dictionary<LaneShape, LaneShelf> _shelves = [];
    private readonly LaneShelf? _onlyShelf;
    private readonly string[] _allNames;
    private readonly long _maxIdleBytes;
    private long _idleBytes;
    private long _uses;

    public OnnxExecutor(OnnxSession session, ModelSignature signature, ModelIdentity identity, OnnxModelOptions options, bool foreseesOutputs = true)
    {
        ForeseesOutputs = foreseesOutputs;
        Session = session;
        Signature = signature;
        Identity = identity;
        _maxIdleBytes = options.MaxIdleLaneBytes;
        _checker = new(signature, options.MaxRequestBytes, identity.Name);
        _allNames = [.. signature.Outputs.Select(static output => output.Name)];
        if (_checker.OnlyShape is { } shape) _onlyShelf = new(shape);
    }

    public OnnxSession Session { get; }

    public ModelSignature Signature { get; }

    public ModelIdentity Identity { get; }

    /// <inheritdoc />
    public PredictionInputs? SampleRequest { get; set; }

    /// <summary>The bytes of the lanes that lie idle.</summary>
    public long IdleBytes => Interlocked.Read(ref _idleBytes);

    /// <summary>Whether memory is bound for outputs once a run has shown their shapes.</summary>
    public bool ForeseesOutputs { get; }

    public PredictionError? Prepare(in PredictionInputs inputs, PredictionOptions? options, out BatchRequest request) =>
        _checker.Check(in inputs, options, out request);

    public ILane Rent(LaneShape shape, int rows) => RentLane(shape, rows);

    public OnnxLane RentLane(LaneShape shape, int rows)
    {
        ObjectDisposedException.ThrowIf(!Session.TryAcquire(), typeof(IPredictor));
        return TakeLane(shape, rows);
    }

    /// <summary>Takes a lane for somebody who holds a share of the session, also when it is being closed.</summary>
    public OnnxLane RentLaneAgain(LaneShape shape, int rows)
    {
        Session.AcquireAgain();
        return TakeLane(shape, rows);
    }

    private OnnxLane TakeLane(LaneShape shape, int rows)
    {
        try
        {
            var shelf = _onlyShelf ?? FindShelf(shape);
            if (shelf.Take(rows) is { } idle)
            {
                Interlocked.Add(ref _idleBytes, -idle.IdleBytes);
                idle.IsOut = true;
                return idle;
            }

            return new(this, shelf, CapacityFor(rows, shape)) { IsOut = true };
        }
        catch
        {
            Session.Release();
            throw;
        }
    }

    public IReadOnlyCollection<string> NamesOf(OutputSelection outputs) =>
        outputs.IsAll ? _allNames : [.. outputs.Indexes.Select(index => _allNames[index])];

    public void Return(OnnxLane lane, LaneShelf shelf)
    {
        lane.IdleBytes = lane.Bytes;
        if (Interlocked.Add(ref _idleBytes, lane.IdleBytes) > _maxIdleBytes)
        {
            Interlocked.Add(ref _idleBytes, -lane.IdleBytes);
            lane.Close();
        }
        else
        {
            shelf.Put(lane);

            // Its shelf may have been given up while it was out, also between the look and now.
            if (shelf.IsRetired) Close(shelf.TakeAll());
        }

        Session.Release();
    }

    private LaneShelf FindShelf(LaneShape shape)
    {
        List<OnnxLane>? evicted = null;
        LaneShelf? shelf;
        lock (_gate)
        {
            if (!_shelves.TryGetValue(shape, out shelf))
            {
                if (_shelves.Count >= MaxShelves)
                {
                    var oldest = _shelves.Values.MinBy(static candidate => candidate.LastUse)!;
                    _shelves.Remove(oldest.Shape);
                    evicted = oldest.Retire();
                }

                _shelves.Add(shape, shelf = new(shape));
            }

            shelf.LastUse = ++_uses;
        }

        if (evicted is not null) Close(evicted);
        return shelf;
    }

    private int CapacityFor(int rows, LaneShape shape)
    {
        if (!Signature.IsBatchable) return 1;
        var needed = Math.Max(1, rows);
        var rounded = (int)Math.Min(int.MaxValue, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed));
        // Rounding up saves lanes for requests of many sizes, but not where it costs megabytes.
        return LaneInputs.BytesOfRow(Signature, shape) > ExactAboveBytes / rounded ? needed : rounded;
    }

    /// <summary>Frees the lanes that nobody holds.</summary>
    public void CloseIdle()
    {
        if (_onlyShelf is not null) Close(_onlyShelf.TakeAll());
        lock (_gate)
        {
            foreach (var shelf in _shelves.Values)
                Close(shelf.TakeAll());
            _shelves.Clear();
        }
    }

    private void Close(List<OnnxLane> lanes)
    {
        foreach (var lane in lanes)
        {
            Interlocked.Add(ref _idleBytes, -lane.IdleBytes);
            lane.Close();
        }
    }
}
