using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>
/// One input's place in a lane. Fixed-size elements lie in pinned memory that the runtime reads; the rest is made into values for each run.
/// </summary>
internal sealed class LaneInput : IDisposable
{
    private readonly ValueSignature _signature;
    private readonly long[] _shape;
    private readonly int _axis;
    private readonly int _capacity;
    private readonly int _blocks;
    private readonly int _rowLength;
    private readonly AlignedBuffer? _buffer;
    private readonly string[]? _strings;
    private PredictionInput _held;
    private OrtValue? _value;
    private int _valueRows = -1;

    /// <param name="signature">The input.</param>
    /// <param name="sizes">The sizes of its axes without the batch axis.</param>
    /// <param name="capacity">Rows to have room for.</param>
    public LaneInput(ValueSignature signature, ReadOnlySpan<long> sizes, int capacity)
    {
        _signature = signature;
        _capacity = signature.BatchAxis is null ? 1 : capacity;
        _axis = signature.BatchAxis ?? 0;
        _shape = signature.BatchAxis is { } axis ? [.. sizes[..axis], capacity, .. sizes[axis..]] : sizes.ToArray();
        if (signature.Kind != ValueKind.Tensor) return;

        var unit = Math.Max(1, ElementTypes.SizeOf(signature.ElementType));
        if (signature.BatchAxis is null)
        {
            _blocks = 1;
            _rowLength = checked((int)(Shapes.Count(_shape) * unit));
        }
        else
        {
            _blocks = checked((int)Shapes.CountBefore(_shape, _axis));
            _rowLength = checked((int)(Shapes.CountAfter(_shape, _axis) * unit));
        }

        var length = checked(_blocks * _capacity * _rowLength);
        if (signature.ElementType == ElementType.String) _strings = new string[length];
        else _buffer = new(length);
    }

    public string Name => _signature.Name;

    /// <summary>The memory itself; null if the runtime cannot be given it.</summary>
    public AlignedBuffer? Buffer => _buffer;

    /// <summary>Whether each row has a part of its own.</summary>
    public bool HasRows => _signature.BatchAxis is not null;

    /// <summary>The bytes that it holds on to between runs: of strings their places.</summary>
    public long Bytes => _buffer?.Length ?? (_strings?.Length ?? 1) * 8L;

    /// <param name="input">The value of a request.</param>
    /// <param name="total">The rows of the request.</param>
    /// <param name="sourceRow">The first of them to copy.</param>
    /// <param name="rows">How many to copy.</param>
    /// <param name="row">The lane's first row to write.</param>
    public void Write(in PredictionInput input, int total, int sourceRow, int rows, int row)
    {
        if (_buffer is not null)
        {
            var bytes = TypedBytes.Of(input.Elements);
            Require(bytes.Length, total);
            if (_signature.BatchAxis is null) bytes.CopyTo(_buffer.Span);
            else RowCopy.Copy(bytes, total, sourceRow, _buffer.Span, _capacity, row, rows, _blocks, _rowLength);
        }
        else if (_strings is not null)
        {
            var source = input.Elements.AsSpan<string>();
            Require(source.Length, total);
            if (_signature.BatchAxis is null) source.CopyTo(_strings);
            else RowCopy.Copy(source, total, sourceRow, _strings.AsSpan(), _capacity, row, rows, _blocks, _rowLength);
        }
        else
        {
            _held = input;
        }
    }

    /// <summary>Empties the first row: zeros, and texts without a character.</summary>
    public void ClearRow()
    {
        for (var block = 0; block < _blocks; block++)
        {
            var start = block * _capacity * _rowLength;
            _buffer?.Span.Slice(start, _rowLength).Clear();
            _strings?.AsSpan(start, _rowLength).Fill("");
        }
    }

    /// <summary>Closes the gaps that rows leave which were not written, so that the memory is the tensor of that many rows.</summary>
    public void Compact(int rows)
    {
        if (_blocks <= 1 || _signature.BatchAxis is null) return;
        if (_buffer is not null) RowCopy.Compact(_buffer.Span, _capacity, rows, _blocks, _rowLength);
        else if (_strings is not null) RowCopy.Compact(_strings.AsSpan(), _capacity, rows, _blocks, _rowLength);
    }

    /// <summary>Copies a row, or a value that holds for all rows, into the first place of another lane.</summary>
    /// <param name="rows">The rows that lie here, without gaps.</param>
    /// <param name="row">Which of them.</param>
    /// <param name="target">The same input of the other lane.</param>
    /// <returns>Whether it was copied: values that are made anew for each run are not kept.</returns>
    public bool TryCopyRow(int rows, int row, LaneInput target)
    {
        var (count, from) = _signature.BatchAxis is null ? (1, 0) : (rows, row);
        if (_buffer is not null)
            RowCopy.Copy<byte>(_buffer.Span, count, from, target._buffer!.Span, target._capacity, 0, 1, _blocks, _rowLength);
        else if (_strings is not null)
            RowCopy.Copy<string>(_strings, count, from, target._strings, target._capacity, 0, 1, _blocks, _rowLength);
        return _buffer is not null || _strings is not null;
    }

    /// <summary>A value over the lane's own memory, of that many rows. The caller disposes it.</summary>
    public OrtValue Bind(int rows) => OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance, OrtTypes.ToOrt(_signature.ElementType), ShapeOf(rows), _buffer!.Address, ByteCount(rows));

    /// <summary>The value for a run without bindings. It stays the lane's.</summary>
    public OrtValue ValueFor(int rows)
    {
        if (_buffer is not null)
        {
            if (_valueRows == rows) return _value!;
            _value?.Dispose();
            _value = Bind(rows);
            _valueRows = rows;
            return _value;
        }

        _value?.Dispose();
        _value = _strings is null
            ? OrtInputs.Create(_held)
            : OrtInputs.CreateStrings(_strings.AsSpan(0, checked(_blocks * RowsOf(rows) * _rowLength)), ShapeOf(rows));
        return _value;
    }

    /// <summary>Lets go of the callers' objects; numbers lie in memory of its own.</summary>
    public void Forget()
    {
        if (_buffer is not null) return;
        _held = default;
        _value?.Dispose();
        _value = null;
        _strings?.AsSpan().Clear();
    }

    public void Dispose()
    {
        _value?.Dispose();
        _value = null;
    }

    private void Require(int length, int total)
    {
        if (length != (long)_blocks * RowsOf(total) * _rowLength) throw UnreadableInputException.ShapeChanged(Name);
    }

    private int RowsOf(int rows) => _signature.BatchAxis is null ? 1 : rows;

    private long ByteCount(int rows) => (long)_blocks * RowsOf(rows) * _rowLength;

    private long[] ShapeOf(int rows)
    {
        var shape = (long[])_shape.Clone();
        if (_signature.BatchAxis is not null) shape[_axis] = rows;
        return shape;
    }
}
