using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Runs rows on a session: checks requests, keeps lanes. Every lane that is out holds a share of the session, so that the session outlives
/// it.
/// </summary>
internal sealed class OnnxExecutor : IModelExecutor, ITrimmable
{
    private const int MaxShelves = 64;
    private const long ExactAboveBytes = 16L * 1024 * 1024;

    private readonly RequestChecker _checker;
    private readonly Lock _gate = new();
    private readonly Dictionary<LaneShape, LaneShelf> _shelves = [];
    private readonly LaneShelf? _onlyShelf;
    private readonly string[] _allNames;
    private readonly LaneBudget _budget;
    private readonly long _maxIdleBytes;
    private readonly bool _hasOwnArena;
    private long _idleBytes;
    private long _uses;
    private long _usesAtTrim;

    public OnnxExecutor(
        OnnxSession session, ModelSignature signature, ModelIdentity identity, OnnxModelOptions options, bool foreseesOutputs = true)
    {
        ForeseesOutputs = foreseesOutputs;
        Session = session;
        Signature = signature;
        Identity = identity;
        _maxIdleBytes = options.MaxIdleLaneBytes;
        _hasOwnArena = options.UseArena && session.RunsOnCpu && !OnnxRuntimeEnvironment.HasSharedArena
            && !options.SessionEntries.ContainsKey("session.use_env_allocators");
        _budget = new(long.MaxValue);
        _checker = new(signature, options.MaxRequestBytes, identity.Name);
        _allNames = [.. signature.Outputs.Select(static output => output.Name)];
        if (_checker.OnlyShape is { } shape) _onlyShelf = new(shape);
        MemoryPressure.Register(this);
    }

    public OnnxSession Session { get; }

    public ModelSignature Signature { get; }

    public ModelIdentity Identity { get; }

    /// <inheritdoc />
    public PredictionInputs? SampleRequest { get; set; }

    /// <inheritdoc />
    public TimeSpan SampleRunTime { get; set; }

    /// <summary>The bytes of the model's weights, by its file.</summary>
    public long WeightBytes { get; init; }

    /// <summary>The bytes of all lanes, those that are out and those that lie idle.</summary>
    public long LaneBytes => _budget.Bytes;

    /// <summary>The bytes of the lanes that lie idle.</summary>
    public long IdleBytes => Interlocked.Read(ref _idleBytes);

    /// <summary>Whether memory is bound for outputs once a run has shown their shapes.</summary>
    public bool ForeseesOutputs { get; }

    public PredictionError? Prepare(in PredictionInputs inputs, PredictionOptions? options, out PreparedRequest request)
    {
        try
        {
            return (_checker.Check(in inputs, options, out request) ?? Session.Guards?.Check(in inputs, Signature))?.Of(Identity);
        }
        catch (UnreadableInputException exception)
        {
            request = default;
            return OwnedInputs.Unreadable(exception).Of(Identity);
        }
    }

    public void LimitLanes(long bytes)
    {
        _budget.Limit = bytes;
        MakeRoom(0);
    }

    public void ReleaseWorkingMemory(RunGate gate, TimeProvider time, CancellationToken cancellationToken) =>
        ReleaseWorkingMemory(gate, time, runsAgain: true, cancellationToken);

    /// <param name="gate">Has a place for each run.</param>
    /// <param name="time">The clock.</param>
    /// <param name="runsAgain">Whether the sample is run once more, so that no request is the first that the arena grows for.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <returns>Whether the sample was run, and answered.</returns>
    public bool ReleaseWorkingMemory(RunGate gate, TimeProvider time, bool runsAgain, CancellationToken cancellationToken)
    {
        if (!_hasOwnArena || SampleRequest is not { } sample || Prepare(sample, null, out var request) is not null) return false;

        // Of several sessions, new lanes that are out together have one each.
        if (Session.Count > 1) CloseIdle();
        var lanes = new OnnxLane?[Session.Count];
        var isAnswered = true;
        try
        {
            for (var i = 0; i < lanes.Length; i++)
            {
                var lane = lanes[i] = RentLane(request.Shape, Math.Max(1, request.Rows));
                lane.Write(sample, request, 0, request.Rows, 0);
                using var place = TrialPlace.Take(gate, time, cancellationToken);
                isAnswered &= lane.RunAndShrink(request.Rows, request.Outputs, WeightBytes, cancellationToken) is null;
                if (!runsAgain) continue;
                lane.Write(sample, request, 0, request.Rows, 0);
                lane.Run(request.Rows, request.Outputs, cancellationToken);
            }
        }
        finally
        {
            foreach (var lane in lanes)
                lane?.Dispose();
        }

        NativeHeap.Trim();
        return isAnswered;
    }

    public long MakeRoom(long bytes)
    {
        while (_budget.Free < bytes && CloseOldest())
        {
        }

        return _budget.Free;
    }

    /// <summary>Takes bytes for a lane, if need be those of idle lanes; false if there are not as many.</summary>
    public bool TryTake(long bytes) => _budget.TryTake(bytes) || (MakeRoom(bytes) >= bytes && _budget.TryTake(bytes));

    public void Give(long bytes) => _budget.Give(bytes);

    public ILane Rent(LaneShape shape, int rows) => RentLane(shape, rows);

    public ILane? TryRent(LaneShape shape, int rows)
    {
        ObjectDisposedException.ThrowIf(!Session.TryAcquire(), typeof(IPredictor));
        return TakeLane(shape, rows, isWithinLimit: true);
    }

    public OnnxLane RentLane(LaneShape shape, int rows)
    {
        ObjectDisposedException.ThrowIf(!Session.TryAcquire(), typeof(IPredictor));
        return TakeLane(shape, rows, isWithinLimit: false)!;
    }

    /// <summary>Takes a lane for somebody who holds a share of the session, also when it is being closed.</summary>
    public OnnxLane RentLaneAgain(LaneShape shape, int rows)
    {
        Session.AcquireAgain();
        return TakeLane(shape, rows, isWithinLimit: false)!;
    }

    private OnnxLane? TakeLane(LaneShape shape, int rows, bool isWithinLimit)
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

            var made = new OnnxLane(this, shelf, CapacityFor(rows, shape)) { IsOut = true };
            if (!isWithinLimit) _budget.Take(made.Bytes);
            if (!isWithinLimit || TryTake(made.Bytes)) return made;
            made.Close(isCounted: false);
            Session.Release();
            return null;
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
        var isOver = Interlocked.Add(ref _idleBytes, lane.IdleBytes) > _maxIdleBytes || _budget.Free < 0;

        // A shape that comes now is likelier to come again than one that came once.
        while (isOver && CloseOldest())
            isOver = Interlocked.Read(ref _idleBytes) > _maxIdleBytes || _budget.Free < 0;
        if (isOver)
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

    /// <summary>Closes the lanes of shapes that have not come since the last time, and all but one if there is only one shape.</summary>
    public void Trim()
    {
        List<OnnxLane> lanes = [.. _onlyShelf?.TakeSpare() ?? []];
        lock (_gate)
        {
            foreach (var shelf in _shelves.Values)
            {
                if (shelf.LastUse <= _usesAtTrim) lanes.AddRange(shelf.TakeAll());
            }

            _usesAtTrim = _uses;
        }

        Close(lanes);
    }

    /// <summary>Closes an idle lane of the shape that was not used for longest; false if there is none.</summary>
    private bool CloseOldest()
    {
        var lane = _onlyShelf?.Take(0);
        if (_onlyShelf is null)
        {
            lock (_gate)
            {
                LaneShelf? oldest = null;
                foreach (var shelf in _shelves.Values)
                {
                    if (shelf.HasIdle && (oldest is null || shelf.LastUse < oldest.LastUse)) oldest = shelf;
                }

                lane = oldest?.Take(0);
            }
        }

        if (lane is null) return false;
        Close([lane]);
        return true;
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
