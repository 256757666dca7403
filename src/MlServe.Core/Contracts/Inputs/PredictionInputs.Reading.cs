using System.Diagnostics.CodeAnalysis;
using MlServe.Tensors;

namespace MlServe;

/// <content>How they are read.</content>
public readonly partial struct PredictionInputs
{
    /// <summary>A value by its position, in the order in which they were given.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer: <see cref="Count"/>.</exception>
    public PredictionInput this[int index]
    {
        get
        {
            if ((uint)index >= (uint)Count) ThrowOutOfRange(index);
            return ItemOf(in this, index);
        }
    }

    /// <summary>A value by the name under which it was given.</summary>
    /// <param name="name">The name. A value given without one is found by
    /// <see cref="TryGet(ModelSignature, string, out PredictionInput)"/>.</param>
    /// <exception cref="KeyNotFoundException">No value has the name.</exception>
    public PredictionInput this[string name]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(name);
            if (!TryGet(name, out var input)) ThrowUnknown(name);
            return input;
        }
    }

    /// <summary>Finds a value by the name under which it was given.</summary>
    /// <param name="name">The name; null: the only value, with or without a name.</param>
    /// <param name="input">The value; the first, if a name was given twice.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryGet(string? name, out PredictionInput input)
    {
        for (var i = 0; i < Count; i++)
        {
            ref readonly var item = ref ItemOf(in this, i);
            if (name is null ? Count > 1 : item.Name != name) continue;
            input = item;
            return true;
        }

        input = default;
        return false;
    }

    /// <summary>Finds the value for a model's input, also if it was given without a name: then it is for the model's only required
    /// input.</summary>
    /// <param name="signature">The model's signature.</param>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="input">The value; the first, if it was given twice.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryGet(ModelSignature signature, string name, out PredictionInput input)
    {
        ArgumentNullException.ThrowIfNull(signature);
        ArgumentNullException.ThrowIfNull(name);
        var index = signature.IndexOfInput(name);
        for (var i = 0; i < Count && index >= 0; i++)
        {
            ref readonly var item = ref ItemOf(in this, i);
            if (IndexIn(signature, item.Name) != index) continue;
            input = item;
            return true;
        }

        input = default;
        return false;
    }

    /// <summary>
    /// The rows of a request to a model: as stated, or else as the first value tells whose input has a batch axis. It is 1 if the model is
    /// not batchable.
    /// </summary>
    /// <param name="signature">The model's signature.</param>
    /// <returns>The number of rows, 0 or more; null if nothing tells it. Whether all values agree is not looked at.</returns>
    public int? RowsOf(ModelSignature signature)
    {
        ArgumentNullException.ThrowIfNull(signature);
        if (RowCount is { } stated) return stated;
        if (!signature.IsBatchable) return 1;
        int? flat = null;
        for (var i = 0; i < Count; i++)
        {
            ref readonly var item = ref ItemOf(in this, i);
            if (item.Kind != ValueKind.Tensor || IndexIn(signature, item.Name) is not (>= 0 and var index)) continue;
            var input = signature.Inputs[index];
            if (input.BatchAxis is not { } axis) continue;
            if (!item.HasShape) flat ??= RowsIn(input, axis, item.Length);
            else if (axis < item.Shape.Length && item.Shape[axis] is >= 0 and <= int.MaxValue and var rows) return (int)rows;
        }

        return flat;
    }

    /// <summary>
    /// Copies all values into pooled memory, for code that needs them longer than the call: a shadow, a record, a retry. The copy is as
    /// good as the inputs for another call. Dispose it when nobody reads it any more; not disposed, it is left to the garbage collector.
    /// </summary>
    /// <returns>The owner of the copy.</returns>
    /// <exception cref="InvalidOperationException">The memory cannot be read because the owner throws, or sequences are nested more than
    /// eight deep, which no model takes.</exception>
    /// <exception cref="ObjectDisposedException">The values are of an <see cref="OwnedInputs"/> that was disposed.</exception>
    public OwnedInputs Copy() => OwnedInputs.CopyAll(in this);

    /// <summary>Goes through the values in the order in which they were given; allocates nothing.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>The value in a line for people who debug: names, types and shapes, never an element. Never throws.</summary>
    public override string ToString() => Describing.Of(in this);

    private static int IndexIn(ModelSignature signature, string? name) =>
        name is null ? signature.SoleRequiredInput : signature.IndexOfInput(name);

    /// <summary>The rows of a flat list, if the model fixes how long one is.</summary>
    private static int? RowsIn(ValueSignature input, int axis, long length)
    {
        long row = 1;
        for (var i = 0; i < input.Shape.Count; i++)
        {
            if (i == axis) continue;
            if (input.Shape[i].Size is not { } size) return null;
            row = Shapes.Count([row, size]);
        }

        return row > 0 && length % row == 0 && length / row <= int.MaxValue ? (int)(length / row) : null;
    }

    [DoesNotReturn]
    private void ThrowOutOfRange(int index) =>
        throw new ArgumentOutOfRangeException(nameof(index), index, $"The request has {Count} values.");

    [DoesNotReturn]
    private void ThrowUnknown(string name)
    {
        var names = new List<string>();
        var named = new List<string>();
        foreach (var input in this)
        {
            names.Add(input.Name is { } known ? $"'{known}'" : "one without a name");
            if (input.Name is not null) named.Add(input.Name);
        }

        throw new KeyNotFoundException(
            $"The request has no value '{name}'.{new NearestName(name, named)} It has: "
                + $"{(names.Count == 0 ? "none" : string.Join(", ", names))}.");
    }

    /// <summary>Goes through the values of a request.</summary>
    public struct Enumerator
    {
        private readonly PredictionInputs _inputs;
        private int _index;

        internal Enumerator(in PredictionInputs inputs)
        {
            _inputs = inputs;
            _index = -1;
        }

        /// <summary>The value at hand.</summary>
        /// <exception cref="ArgumentOutOfRangeException">There is none: before the first and after the last
        /// <see cref="MoveNext"/>.</exception>
        public readonly PredictionInput Current => _inputs[_index];

        /// <summary>Goes to the next value.</summary>
        /// <returns>False after the last.</returns>
        public bool MoveNext() => _index < _inputs.Count && ++_index < _inputs.Count;
    }
}
