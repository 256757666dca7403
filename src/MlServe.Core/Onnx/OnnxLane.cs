using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Pinned memory for the inputs and outputs of one shape and a session's bindings over it. Where a model's outputs cannot be foreseen, the runtime
/// allocates them and the lane copies from there.
/// </summary>
internal sealed class OnnxLane : ILane
{
    /// <summary>Bindings are kept by number of rows up to this capacity; a larger lane keeps the last one.</summary>
    private const int MaxKeptBindings = 1024;

    private readonly OnnxExecutor _executor;
    private readonly LaneShelf _shelf;
    private readonly InferenceSession _session;
    private readonly LaneInput?[] _inputs;
    private readonly LaneInput[] _present;
    private readonly string[] _presentNames;
    private readonly RunOptions _runOptions = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private readonly bool _isBindable;
    private readonly bool _hasOptionalOutputs;
    private LaneBinding?[] _bindings = [];
    private LaneBinding? _partial;
    private LaneBinding? _current;
    private AlignedBuffer[] _outputMemory = [];
    private OutputPlan? _plan;
    private IReadOnlyList<OrtValue?>? _results;
    private OutputSelection? _ranOutputs;
    private int _ranRows;
    private bool _isOut;

    public OnnxLane(OnnxExecutor executor, LaneShelf shelf, int capacity)
    {
        _executor = executor;
        _shelf = shelf;
        _session = executor.Session.Next();
        Capacity = capacity;
        _inputs = LaneInputs.Create(executor.Signature, shelf.Shape, capacity);
        _present = [.. _inputs.OfType<LaneInput>()];
        Bytes = CountBytes();
        _presentNames = [.. _present.Select(static input => input.Name)];
        _hasOptionalOutputs = executor.Signature.Outputs.Any(static output => output.Kind == ValueKind.Optional);
        _isBindable = executor.ForeseesOutputs && !_hasOptionalOutputs && executor.Session.RunsOnCpu && Array.TrueForAll(_present, static input => input.IsBindable);
    }

    public int Capacity { get; }

    /// <summary>The bytes that the lane holds on to.</summary>
    public long Bytes { get; private set; }

    /// <summary>What the executor counts the lane as while it is idle.</summary>
    public long IdleBytes { get; set; }

    /// <summary>Whether somebody owns the lane. Set by its executor.</summary>
    public bool IsOut
    {
        set => _isOut = value;
    }

    public void Write(in PredictionInputs inputs, in BatchRequest request, int sourceRow, int rows, int row)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            var index = input.Name is null ? _executor.Signature.SoleRequiredInput : _executor.Signature.IndexOfInput(input.Name);
            _inputs[index]?.Write(in input, request.Rows, sourceRow, rows, row);
        }
    }

    public PredictionError? Run(int rows, OutputSelection outputs, CancellationToken cancellationToken = default)
    {
        // Many graphs cannot reshape nothing: where there are no rows, one of whatever lies in the lane is run, and none is read.
        rows = Math.Max(1, rows);
        ReleaseResults();
        foreach (var input in _present)
            input.Compact(rows);

        var registration = cancellationToken.CanBeCanceled
            ? cancellationToken.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, _runOptions)
            : default;
        try
        {
            RunOnce(rows, outputs);
            _ranRows = rows;
            _ranOutputs = outputs;
            _executor.Session.Blame.Answered();
            return null;
        }
        catch (Exception exception) when (OrtErrors.IsFromRuntime(exception))
        {
            if (cancellationToken.IsCancellationRequested && OrtErrors.IsTerminated(exception))
                throw new OperationCanceledException(cancellationToken);
            return _executor.Session.Blame.ToError(exception, _executor.Identity);
        }
        catch (Exception exception) when (exception is OverflowException or NotSupportedException)
        {
            return new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Model '{0}': {1}", _executor.Identity.Name, exception.Message)
            {
                Exception = exception,
            };
        }
        finally
        {
            // Waits for a callback under way, so that the flag is not set again once it is cleared.
            registration.Dispose();
            if (cancellationToken.IsCancellationRequested) _runOptions.Terminate = false;
        }
    }

    public Prediction Read(in BatchRequest request, int row, in PredictionOrigin origin)
    {
        var state = PredictionState.Rent();
        try
        {
            if (_current is not null) ReadBound(state, request, row);
            else ReadResults(state, request, row);
        }
        catch (Exception exception) when (exception is OverflowException or NotSupportedException)
        {
            new Prediction(state).Dispose();
            return Prediction.FromError(new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed,
                "Model '{0}': {1}", _executor.Identity.Name, exception.Message)
            { Exception = exception });
        }
        catch
        {
            new Prediction(state).Dispose();
            throw;
        }

        state.Origin = origin;
        return new(state);
    }

    public bool TryCopyRow(int row, ILane target)
    {
        if (target is not OnnxLane other || !ReferenceEquals(other._executor, _executor)) return false;
        for (var i = 0; i < _inputs.Length; i++)
        {
            if (_inputs[i] is { } input && (other._inputs[i] is not { } place || !input.TryCopyRow(_ranRows, row, place))) return false;
        }

        return true;
    }

    /// <summary>The outputs of the last run, whole, for a look at their shapes.</summary>
    internal OutputValue[] ReadWhole()
    {
        var values = new OutputValue[_results!.Count];
        for (var i = 0; i < values.Length; i++)
            OrtOutputs.Copy(_results[i], values[i] = new(), _executor.Signature.Outputs[i].Name, RowSlice.Whole);
        return values;
    }

    /// <summary>Returns the lane to its executor; a second time does nothing, as long as nobody else has it.</summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _isOut, false)) return;
        ReleaseResults();
        foreach (var input in _present)
            input.Forget();
        _executor.Return(this, _shelf);
    }

    /// <summary>Frees the lane. Only its executor does this.</summary>
    public void Close()
    {
        ReleaseResults();
        CloseBindings();
        foreach (var input in _present)
            input.Dispose();
        _runOptions.Dispose();
    }

    private void RunOnce(int rows, OutputSelection outputs)
    {
        if (_isBindable && _shelf.Plan is { } plan)
        {
            var binding = BindingFor(plan, rows, outputs);
            try
            {
                _session.RunWithBinding(_runOptions, binding.Binding);
                _current = binding;
                return;
            }
            catch (Exception exception) when (OrtErrors.IsFromRuntime(exception) && OrtErrors.IsShapeMismatch(exception))
            {
                // The shapes of the outputs depend on the data: they cannot be foreseen for this shape of inputs.
                _shelf.GiveUpPlan();
                CloseBindings();
            }
        }

        var values = new OrtValue[_present.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = _present[i].ValueFor(rows);
        _current = null;
        if (_hasOptionalOutputs)
        {
            _results = OptionalOutputs.Run(_session, _runOptions, _presentNames, values, _executor.NamesOf(outputs));
            return;
        }

        var results = _session.Run(_runOptions, _presentNames, values, _executor.NamesOf(outputs));
        _results = results;
        if (_isBindable && outputs.IsAll) _shelf.LearnPlan(_executor.Signature, results, rows);
    }

    private LaneBinding BindingFor(OutputPlan plan, int rows, OutputSelection outputs)
    {
        if (!ReferenceEquals(plan, _plan))
        {
            CloseBindings();
            _outputMemory = [.. plan.Outputs.Select(output => new AlignedBuffer(output.Bytes(Capacity)))];
            Bytes = CountBytes();
            _bindings = new LaneBinding?[Capacity <= MaxKeptBindings ? Capacity + 1 : 1];
            _plan = plan;
        }

        if (!outputs.IsAll)
        {
            if (_partial is { } partial && partial.Rows == rows && ReferenceEquals(partial.Outputs, outputs)) return partial;
            _partial?.Dispose();
            return _partial = Bind(plan, rows, outputs);
        }

        ref var slot = ref _bindings[rows < _bindings.Length ? rows : 0];
        if (slot is null || slot.Rows != rows)
        {
            slot?.Dispose();
            slot = Bind(plan, rows, outputs);
        }

        return slot;
    }

    private long CountBytes() => _present.Sum(static input => input.Bytes) + _outputMemory.Sum(static memory => (long)memory.Length);

    private LaneBinding Bind(OutputPlan plan, int rows, OutputSelection outputs) =>
        new(_session, _present, plan, _outputMemory, outputs, rows);

    private void ReadBound(PredictionState state, in BatchRequest request, int row)
    {
        foreach (var index in request.Outputs.IndexSpan)
        {
            var output = _plan!.Outputs[index];
            var slice = SliceOf(output.Axis, request, row);
            var value = state.Add();
            if (slice.IsWhole) value.SetTensor(NameOf(index), output.Type, output.LearntShape);
            else slice.SetShape(value, NameOf(index), output.Type, output.LearntShape);
            RowCopy.Copy(_outputMemory[index].Span, output.Axis < 0 ? 1 : _ranRows, output.Axis < 0 ? 0 : row, value.Bytes,
                output.Axis < 0 ? 1 : request.Rows, 0, output.Axis < 0 ? 1 : request.Rows, output.Blocks, output.RowBytes);
        }
    }

    private void ReadResults(PredictionState state, in BatchRequest request, int row)
    {
        // What was computed, in the order of the selection that ran, may be more than this request wants.
        var position = 0;
        foreach (var index in _ranOutputs!.Indexes)
        {
            var value = _results![position++];
            if (!request.Outputs.Indexes.Contains(index)) continue;
            OrtOutputs.Copy(value, state.Add(), NameOf(index), SliceOf(_executor.Signature.Outputs[index].BatchAxis ?? -1, request, row));
        }
    }

    private RowSlice SliceOf(int axis, in BatchRequest request, int row) =>
        _executor.Signature.IsBatchable && axis >= 0 ? new(axis, _ranRows, row, request.Rows, request.IsRow) : RowSlice.Whole;

    private string NameOf(int output) => _executor.Signature.Outputs[output].Name;

    private void ReleaseResults()
    {
        for (var i = 0; _results is not null && i < _results.Count; i++)
            _results[i]?.Dispose();
        _results = null;
        _current = null;
    }

    private void CloseBindings()
    {
        foreach (var binding in _bindings)
            binding?.Dispose();
        _partial?.Dispose();
        _bindings = [];
        _partial = null;
        _current = null;
        _plan = null;
    }
}
