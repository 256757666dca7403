using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// Pinned memory for the inputs and outputs of one shape and a session's bindings over it. If a model's outputs cannot be foreseen, the
/// runtime allocates them and the lane copies from there.
/// </summary>
internal sealed class OnnxLane : ILane
{
    private readonly OnnxExecutor _executor;
    private readonly LaneShelf _shelf;
    private readonly InferenceSession _session;
    private readonly LaneInput?[] _inputs;
    private readonly LaneInput[] _present;
    private readonly string[] _presentNames;
    private RunOptions _runOptions = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private readonly LaneAnswers _answers;
    private readonly bool _isBindable;
    private readonly bool _mayLackOutputs;
    private LaneOutputs? _outputs;
    private bool _hasShared;
    private bool _isOut;

    public OnnxLane(OnnxExecutor executor, LaneShelf shelf, int capacity)
    {
        _executor = executor;
        _shelf = shelf;
        _session = executor.Session.Next();
        _answers = new(executor.Signature, executor.Identity);
        Capacity = capacity;
        _inputs = LaneInputs.Create(executor.Signature, shelf.Shape, capacity);
        _present = [.. _inputs.OfType<LaneInput>()];
        _presentNames = [.. _present.Select(static input => input.Name)];
        Bytes = _present.Sum(static input => input.Bytes);

        // An optional input that is absent may come out again, also where the model does not declare that the output may have no value.
        _mayLackOutputs = executor.Signature.Outputs.Concat(executor.Signature.Inputs)
            .Any(static value => value.Kind == ValueKind.Optional);
        _isBindable = executor.ForeseesOutputs && !_mayLackOutputs && executor.Session.RunsOnCpu
            && Array.TrueForAll(_present, static input => input.Buffer is not null);
    }

    public int Capacity { get; }

    /// <summary>The bytes that the lane holds on to.</summary>
    public long Bytes { get; private set; }

    /// <summary>The bytes that the executor counts the lane as while it is idle.</summary>
    public long IdleBytes { get; set; }

    /// <summary>Whether somebody owns the lane. Set by its executor.</summary>
    public bool IsOut
    {
        set => _isOut = value;
    }

    public void Write(in PredictionInputs inputs, in PreparedRequest request, int sourceRow, int rows, int row)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            var index = input.Name is null ? _executor.Signature.SoleRequiredInput : _executor.Signature.IndexOfInput(input.Name);
            if (_inputs[index] is { } target && (target.HasRows || !_hasShared)) target.Write(in input, request.Rows, sourceRow, rows, row);
        }
    }

    public void WriteShared(in PredictionInputs inputs)
    {
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            _inputs[_executor.Signature.IndexOfInput(input.Name!)]?.Write(in input, 0, 0, 0, 0);
        }

        _hasShared = true;
    }

    public PredictionError? Run(int rows, OutputSelection outputs, CancellationToken cancellationToken = default)
    {
        _answers.Release();
        if (rows > 0) return RunRows(rows, outputs, cancellationToken);

        // Many graphs cannot reshape nothing: an empty row shows the shapes of outputs, and what it says of itself is nobody's fault.
        if (_shelf.Plan is { } plan)
        {
            _answers.AreOfNoRows(plan);
            return null;
        }

        foreach (var input in _present)
        {
            if (input.HasRows) input.ClearRow();
        }

        if (RunRows(1, outputs, cancellationToken) is null) return null;
        _answers.Release();
        _answers.AreOfNoRows(null);
        return null;
    }

    public Prediction Read(in PreparedRequest request, int row, in PredictionOrigin origin) => _answers.Read(in request, row, in origin);

    public void Clear()
    {
        _answers.Release();
        foreach (var input in _present)
            input.Forget();
    }

    public bool TryCopyRow(int row, ILane target)
    {
        if (target is not OnnxLane other || !ReferenceEquals(other._executor, _executor)) return false;
        for (var i = 0; i < _inputs.Length; i++)
        {
            if (_inputs[i] is { } input && (other._inputs[i] is not { } place || !input.TryCopyRow(_answers.Rows, row, place)))
                return false;
        }

        return true;
    }

    /// <summary>As <see cref="Run"/>, and gives back what larger runs have left in the session's arena.</summary>
    internal PredictionError? RunAndShrink(int rows, OutputSelection outputs, long weightBytes, CancellationToken cancellationToken)
    {
        _answers.Release();
        ArenaRelease.ForgetFreePages(_session, weightBytes);

        // An entry of run options cannot be taken back without a warning in the runtime's log.
        using var shrinking = ArenaRelease.NewOptions();
        var usual = _runOptions;
        _runOptions = shrinking;
        try
        {
            return Run(rows, outputs, cancellationToken);
        }
        finally
        {
            _runOptions = usual;
        }
    }

    /// <summary>The outputs of the last run, whole, for a look at their shapes.</summary>
    internal OutputValue[] ReadWhole() => _answers.ReadWhole();

    /// <summary>Returns the lane to its executor; a second time does nothing, as long as nobody else has it.</summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _isOut, false)) return;
        Clear();
        _hasShared = false;
        _executor.Return(this, _shelf);
    }

    /// <summary>Frees the lane. Only its executor does this, which has counted its bytes or not.</summary>
    public void Close(bool isCounted = true)
    {
        _answers.Release();
        CloseOutputs();
        foreach (var input in _present)
            input.Dispose();
        _runOptions.Dispose();
        if (isCounted) _executor.Give(Bytes);
    }

    private PredictionError? RunRows(int rows, OutputSelection outputs, CancellationToken cancellationToken)
    {
        foreach (var input in _present)
            input.Compact(rows);

        var registration = cancellationToken.CanBeCanceled
            ? cancellationToken.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, _runOptions)
            : default;
        try
        {
            RunOnce(rows, outputs);
            _executor.Session.Blame.Answered();
            return FindUnwritten(outputs);
        }
        catch (Exception exception) when (OrtErrors.IsFromRuntime(exception))
        {
            if (cancellationToken.IsCancellationRequested && OrtErrors.IsTerminated(exception))
                throw new OperationCanceledException(cancellationToken);
            return _executor.Session.Blame.ToError(exception, _executor.Identity);
        }
        catch (UnreadableInputException exception)
        {
            return OwnedInputs.Unreadable(exception).Of(_executor.Identity);
        }
        catch (Exception exception) when (exception is OverflowException or NotSupportedException)
        {
            return new(
                PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Model '{0}': {1}", _executor.Identity.Name, exception.Message)
            {
                Model = _executor.Identity,
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

    private void RunOnce(int rows, OutputSelection outputs)
    {
        var isDoubtful = false;
        if (_isBindable && TryRunBound(rows, out isDoubtful)) return;
        if (!_isBindable || !(isDoubtful || _shelf.TryBeginTrial(rows)))
        {
            RunUnbound(rows, outputs);
            return;
        }

        try
        {
            RunUnbound(rows, _executor.Signature.AllOutputs);
            TryPlan(rows);
        }
        finally
        {
            if (!isDoubtful) _shelf.EndTrial();
        }
    }

    /// <param name="rows">The rows to run.</param>
    /// <param name="isDoubtful">Whether memory was bound, and not written.</param>
    private bool TryRunBound(int rows, out bool isDoubtful)
    {
        isDoubtful = false;
        if (_shelf.PlanFor(rows) is not { } plan) return false;
        try
        {
            if (OutputsFor(plan) is not { } bound) return false;
            if (bound.Run(_runOptions, rows))
            {
                _answers.AreBound(bound, rows);
                return true;
            }

            isDoubtful = true;
        }
        catch (Exception exception) when (OrtErrors.IsFromRuntime(exception) && OrtErrors.IsShapeMismatch(exception))
        {
            // The shapes of the outputs depend on the data: they cannot be foreseen for this shape of inputs.
            _shelf.GiveUpPlan();
            CloseOutputs();
        }

        return false;
    }

    private void RunUnbound(int rows, OutputSelection outputs)
    {
        var values = new OrtValue[_present.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = _present[i].ValueFor(rows);
        var names = _executor.NamesOf(outputs);
        _answers.AreValues(
            _mayLackOutputs
                ? OptionalOutputs.Run(_session, _runOptions, _presentNames, values, names)
                : _session.Run(_runOptions, _presentNames, values, names),
            outputs, rows);
    }

    /// <summary>
    /// Binds memory for the run that has just ended, and tries whether the runtime writes the same there. Its values stay the answers.
    /// </summary>
    private void TryPlan(int rows)
    {
        var values = _answers.Values!;
        int[] unwritten = [];
        try
        {
            var plan = _shelf.Plan ?? OutputPlan.Learn(_executor.Signature, _inputs, values, rows);
            if (plan is not null)
            {
                if (OutputsFor(plan) is not { } outputs) return;
                if (PlanTrial.Holds(outputs, _runOptions, values, rows, out unwritten))
                {
                    _shelf.Learn(plan, rows);
                    return;
                }
            }
        }
        catch (Exception exception) when (OrtErrors.IsFromRuntime(exception) || exception is OverflowException or OutOfMemoryException)
        {
            // Cut off it says nothing, and is tried again.
            if (OrtErrors.IsTerminated(exception)) return;
        }

        _shelf.GiveUpPlan(unwritten);
        CloseOutputs();
    }

    /// <summary>The memory for a plan; null if there is none left, and the runtime has to allocate.</summary>
    private LaneOutputs? OutputsFor(OutputPlan plan)
    {
        if (_outputs is { } outputs && ReferenceEquals(outputs.Plan, plan)) return outputs;
        CloseOutputs();
        var bytes = LaneOutputs.BytesToTake(_inputs, plan, Capacity);
        if (!_executor.TryTake(bytes)) return null;
        try
        {
            _outputs = new(_executor, _session, _inputs, plan, Capacity);
        }
        catch
        {
            _executor.Give(bytes);
            throw;
        }

        Bytes += _outputs.Bytes;
        return _outputs;
    }

    private void CloseOutputs()
    {
        if (_outputs is null) return;
        Bytes -= _outputs.Bytes;
        _executor.Give(LaneOutputs.BytesToTake(_inputs, _outputs.Plan, Capacity));
        _outputs.Dispose();
        _outputs = null;
    }

    private PredictionError? FindUnwritten(OutputSelection outputs)
    {
        foreach (var index in _shelf.Unwritten)
        {
            if (!outputs.Indexes.Contains(index)) continue;
            return new(PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed,
                "Model '{0}': ONNX Runtime leaves output '{1}' unwritten, so that there is no answer. "
                + "If the body of a Scan gives one of its inputs back, put an Identity node between them.",
                _executor.Identity.Name, _executor.Signature.Outputs[index].Name)
            {
                Model = _executor.Identity,
            };
        }

        return null;
    }
}
