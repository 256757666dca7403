using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// The answers that the last run of a lane has left. They are in memory that was bound, or in values of the runtime's; a run without rows
/// leaves only shapes.
/// </summary>
internal sealed class LaneAnswers(ModelSignature signature, ModelIdentity identity)
{
    private LaneOutputs? _bound;
    private IReadOnlyList<OrtValue?>? _results;
    private OutputSelection? _computed;
    private OutputPlan? _shapes;
    private int _rows;

    /// <summary>The runtime's values; null if there are none.</summary>
    public IReadOnlyList<OrtValue?>? Values => _results;

    /// <summary>The rows of the last run.</summary>
    public int Rows => _rows;

    public void AreBound(LaneOutputs outputs, int rows)
    {
        _bound = outputs;
        _rows = rows;
    }

    /// <param name="results">The runtime's values; released with the next run.</param>
    /// <param name="computed">The outputs that they are, in this order.</param>
    /// <param name="rows">The rows that were run.</param>
    public void AreValues(IReadOnlyList<OrtValue?> results, OutputSelection computed, int rows)
    {
        _results = results;
        _computed = computed;
        _rows = rows;
    }

    /// <param name="shapes">The shapes of a row's outputs; null: as the model declares them.</param>
    public void AreOfNoRows(OutputPlan? shapes)
    {
        _shapes = shapes;
        _rows = 0;
    }

    public void Release()
    {
        for (var i = 0; _results is not null && i < _results.Count; i++)
            _results[i]?.Dispose();
        _results = null;
        _bound = null;
        _shapes = null;
    }

    public Prediction Read(in PreparedRequest request, int row, in PredictionOrigin origin)
    {
        var state = PredictionState.Rent();
        try
        {
            if (_bound is not null) ReadBound(state, request, row);
            else if (_results is not null) ReadResults(state, request, row);
            else ReadNothing(state, request);
        }
        catch (Exception exception) when (exception is OverflowException or NotSupportedException)
        {
            new Prediction(state).Dispose();
            return Prediction.FromError(new(
                PredictionStatus.Failed, PredictionErrorCode.RuntimeFailed, "Model '{0}': {1}", identity.Name, exception.Message)
            {
                Model = identity,
                Exception = exception,
            });
        }
        catch
        {
            new Prediction(state).Dispose();
            throw;
        }

        state.Origin = origin;
        return new(state);
    }

    /// <summary>The outputs whole, for a look at their shapes.</summary>
    public OutputValue[] ReadWhole()
    {
        var values = new OutputValue[_results!.Count];
        for (var i = 0; i < values.Length; i++)
            OrtOutputs.Copy(_results[i], values[i] = new(), NameOf(i), RowSlice.Whole);
        return values;
    }

    private void ReadBound(PredictionState state, in PreparedRequest request, int row)
    {
        foreach (var index in request.Outputs.IndexSpan)
        {
            var output = _bound!.Plan.Outputs[index];
            var slice = SliceOf(output.Axis, request, row);
            var value = state.Add();
            if (slice.IsWhole) value.SetTensor(NameOf(index), output.Type, output.LearntShape);
            else slice.SetShape(value, NameOf(index), output.Type, output.LearntShape);
            RowCopy.Copy(_bound.MemoryOf(index, _rows), output.Axis < 0 ? 1 : _rows, output.Axis < 0 ? 0 : row, value.Bytes,
                output.Axis < 0 ? 1 : request.Rows, 0, output.Axis < 0 ? 1 : request.Rows, output.Blocks, output.RowBytes);
        }
    }

    private void ReadResults(PredictionState state, in PreparedRequest request, int row)
    {
        // What was computed, in the order of the selection that ran, may be more than this request wants.
        var position = 0;
        foreach (var index in _computed!.Indexes)
        {
            var value = _results![position++];
            if (!request.Outputs.Indexes.Contains(index)) continue;
            OrtOutputs.Copy(value, state.Add(), NameOf(index), SliceOf(signature.Outputs[index].BatchAxis ?? -1, request, row));
        }
    }

    private void ReadNothing(PredictionState state, in PreparedRequest request)
    {
        foreach (var index in request.Outputs.IndexSpan)
        {
            var declared = signature.Outputs[index];
            if (declared.Kind == ValueKind.Tensor) SetEmpty(state.Add(), declared, _shapes?.Outputs[index]);
            else state.Add().SetComposite(declared.Name, declared.Kind, 0);
        }
    }

    private static void SetEmpty(OutputValue value, ValueSignature declared, PlannedOutput? learnt)
    {
        var rank = learnt?.LearntShape.Length ?? declared.Shape.Count;
        var shape = rank <= 64 ? stackalloc long[rank] : new long[rank];
        for (var axis = 0; axis < rank; axis++)
            shape[axis] = axis == declared.BatchAxis ? 0 : learnt is null ? declared.Shape[axis].Size ?? 0 : learnt.LearntShape[axis];
        value.SetTensor(declared.Name, learnt?.Type ?? declared.ElementType, shape);
    }

    private RowSlice SliceOf(int axis, in PreparedRequest request, int row) =>
        signature.IsBatchable && axis >= 0 ? new(axis, _rows, row, request.Rows, request.IsRow) : RowSlice.Whole;

    private string NameOf(int output) => signature.Outputs[output].Name;
}
