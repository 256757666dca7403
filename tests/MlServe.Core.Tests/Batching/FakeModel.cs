using System.Threading.Channels;
using MlServe.Tensors;

namespace MlServe.Tests.Batching;

/// <summary>
/// A model whose rows are numbers and whose answers are the same numbers. It keeps its runs to itself until they are finished one by one,
/// if told so, and fails for rows that are negative.
/// </summary>
internal sealed class FakeModel : IPredictor, IModelExecutor
{
    private readonly Channel<FakeRun> _held = Channel.CreateUnbounded<FakeRun>();
    private readonly List<FakeRun> _unfinished = [];
    private int _lanesOut;
    private int _lanesMade;

    public FakeModel(bool isBatchable = true, bool rowsAreIndependent = true, bool hasShared = false)
    {
        int? axis = isBatchable ? 0 : null;
        var x = new ValueSignature { Name = "x", Kind = ValueKind.Tensor, ElementType = ElementType.Int64, BatchAxis = axis };
        var shared = new ValueSignature { Name = "shared", Kind = ValueKind.Tensor, ElementType = ElementType.Int64, IsOptional = true };
        var id = new ValueSignature
        {
            Name = "id",
            Kind = ValueKind.Tensor,
            ElementType = ElementType.Int64,
            BatchAxis = axis,
            Shape = [new(), new()],
        };
        Signature = new(hasShared ? [x, shared] : [x], [id, id with { Name = "negated" }]) { RowsAreIndependent = rowsAreIndependent };
    }

    public ModelSignature Signature { get; }

    public ModelIdentity Identity { get; } = new("fake", "1", "00");

    public PredictionInputs? SampleRequest { get; init; }

    /// <summary>Whether runs wait to be finished by the test.</summary>
    public bool HoldsRuns { get; set; }

    /// <summary>Called on the thread that runs.</summary>
    public Action<long[]>? OnRun { get; set; }

    public Action<long>? OnWrite { get; set; }

    public Action<long>? OnRead { get; set; }

    public Action<LaneShape>? OnRent { get; set; }

    /// <summary>Called where a lane is to forget what it holds.</summary>
    public Action? OnClear { get; set; }

    /// <summary>Called where a lane has been given back.</summary>
    public Action? OnReturn { get; set; }

    /// <summary>Answers the calls that reach the model itself.</summary>
    public Func<CancellationToken, ValueTask<Prediction>>? OnDirect { get; set; }

    /// <summary>Bytes of a lane for each of its rows and each number in a row.</summary>
    public long BytesPerNumber { get; init; } = 8;

    /// <summary>Lanes that somebody holds.</summary>
    public int LanesOut => Volatile.Read(ref _lanesOut);

    public int LanesMade => Volatile.Read(ref _lanesMade);

    public long BytesOut => Interlocked.Read(ref _bytesOut);

    public ILane? TryRent(LaneShape shape, int rows) => rows * shape.Sizes[0] * BytesPerNumber <= MakeRoom(0) ? Rent(shape, rows) : null;

    public void LimitLanes(long bytes) => _maxLaneBytes = bytes;

    public long MakeRoom(long bytes) => _maxLaneBytes - BytesOut;

    private long _maxLaneBytes = long.MaxValue;

    private long _bytesOut;

    /// <summary>Calls that reached the model itself.</summary>
    public int DirectCalls { get; private set; }

    public int Disposals { get; private set; }

    /// <summary>All runs, in the order in which they began.</summary>
    public List<long[]> Runs { get; } = [];

    /// <summary>The next run that is held.</summary>
    public ValueTask<FakeRun> NextRunAsync() => _held.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public bool TryNextRun(out FakeRun? run) => _held.Reader.TryRead(out run);

    /// <summary>
    /// Holds no run any more, and lets those go that are held: also where a test has failed with one in its hand, which would hang
    /// otherwise.
    /// </summary>
    public void LetRunsGo()
    {
        lock (_unfinished)
        {
            HoldsRuns = false;
            foreach (var run in _unfinished)
                run.Finish();
        }
    }

    public PredictionError? Prepare(in PredictionInputs inputs, PredictionOptions? options, out PreparedRequest request)
    {
        request = default;
        var outputs = OutputSelection.Resolve(Signature, options, out var error);
        if (error is not null) return error;
        var numbers = PredictionInputs.ItemOf(in inputs, 0).Elements.Length;
        var rows = inputs.RowCount ?? (int)numbers;
        request = new(ShapeOf(rows == 0 ? 1 : (int)(numbers / rows)), rows, inputs.IsRow, outputs);
        return null;
    }

    public ILane Rent(LaneShape shape, int rows)
    {
        OnRent?.Invoke(shape);
        Interlocked.Increment(ref _lanesMade);
        return new Lane(this, rows, (int)shape.Sizes[0]);
    }

    public ValueTask<Prediction> PredictAsync(
        PredictionInputs inputs, PredictionOptions? options = null, CancellationToken cancellationToken = default)
    {
        DirectCalls++;
        if (OnDirect is null && Prepare(in inputs, options, out var request) is null && request.Rows > 1)
        {
            using var lane = Rent(request.Shape, request.Rows);
            lane.Write(in inputs, in request, 0, request.Rows, 0);
            return new(lane.Run(request.Rows, request.Outputs, cancellationToken) is { } error
                ? Prediction.FromError(error)
                : lane.Read(in request, 0, default));
        }

        return OnDirect?.Invoke(cancellationToken) ?? new(Fakes.Answers.Of(-1));
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose() => Disposals++;

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    // Sizes are few: requests of one shape share the object, as the real executor's do.
    private readonly LaneShape[] _shapes = [.. Enumerable.Range(0, 256).Select(static width => new LaneShape([width]))];

    private LaneShape ShapeOf(int width) => width < _shapes.Length ? _shapes[width] : new LaneShape([width]);

    private PredictionError? Run(long[] rows, CancellationToken cancellationToken)
    {
        lock (Runs)
            Runs.Add(rows);
        OnRun?.Invoke(rows);
        if (HoldsRuns) Hold(new FakeRun(rows, cancellationToken));

        return Array.Exists(rows, static id => id < 0)
            ? new(
                PredictionStatus.Invalid, PredictionErrorCode.RejectedByRuntime, "Row {0} is negative.",
                Array.Find(rows, static id => id < 0))
            : null;
    }

    private void Hold(FakeRun run)
    {
        lock (_unfinished)
        {
            if (!HoldsRuns) return;
            _unfinished.Add(run);
        }

        _held.Writer.TryWrite(run);
        try
        {
            run.Wait();
        }
        finally
        {
            lock (_unfinished)
                _unfinished.Remove(run);
        }
    }

    private sealed class Lane : ILane
    {
        private readonly FakeModel _model;
        private readonly long[] _rows;
        private readonly int _width;
        private bool _isDisposed;

        public Lane(FakeModel model, int capacity, int width)
        {
            _model = model;
            _rows = new long[capacity];
            _width = width;
            Interlocked.Increment(ref model._lanesOut);
            Interlocked.Add(ref model._bytesOut, Bytes);
        }

        public int Capacity => _rows.Length;

        public long Bytes => _rows.Length * _width * _model.BytesPerNumber;

        public void Write(in PredictionInputs inputs, in PreparedRequest request, int sourceRow, int rows, int row)
        {
            Assert.False(_isDisposed);
            var source = PredictionInputs.ItemOf(in inputs, 0).Elements.AsSpan<long>();
            for (var i = 0; i < rows; i++)
            {
                var id = source[(sourceRow + i) * _width];
                _model.OnWrite?.Invoke(id);
                _rows[row + i] = id;
            }
        }

        public void WriteShared(in PredictionInputs inputs) => Assert.False(_isDisposed);

        public void Clear()
        {
            Assert.False(_isDisposed);
            _model.OnClear?.Invoke();
        }

        public PredictionError? Run(int rows, OutputSelection outputs, CancellationToken cancellationToken = default)
        {
            Assert.False(_isDisposed);
            return _model.Run(_rows[..rows], cancellationToken);
        }

        public Prediction Read(in PreparedRequest request, int row, in PredictionOrigin origin)
        {
            var writer = PredictionWriter.Create();
            foreach (var index in request.Outputs.Indexes)
            {
                var values = writer.AddTensor<long>(index == 0 ? "id" : "negated", request.Rows, 1);
                for (var i = 0; i < request.Rows; i++)
                {
                    _model.OnRead?.Invoke(_rows[row + i]);
                    values[i] = index == 0 ? _rows[row + i] : -_rows[row + i];
                }
            }

            return writer.Complete(origin);
        }

        public bool TryCopyRow(int row, ILane target)
        {
            Assert.False(_isDisposed);
            ((Lane)target)._rows[0] = _rows[row];
            return true;
        }

        public void Dispose()
        {
            Assert.False(_isDisposed);
            _isDisposed = true;
            Interlocked.Decrement(ref _model._lanesOut);
            Interlocked.Add(ref _model._bytesOut, -Bytes);
            _model.OnReturn?.Invoke();
        }
    }
}
