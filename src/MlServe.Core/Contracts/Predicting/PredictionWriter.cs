namespace MlServe;

/// <summary>
/// Makes a <see cref="Prediction"/> of one's own, in pooled memory: for predictors that answer by rule, and for decorators that change an
/// answer. Add the outputs in the model's order, then call <see cref="Complete"/> once. Not safe for concurrent use.
/// </summary>
public readonly struct PredictionWriter
{
    private readonly PredictionState _state;
    private readonly int _generation;

    private PredictionWriter(PredictionState state)
    {
        _state = state;
        _generation = state.Generation;
    }

    /// <summary>Begins an answer.</summary>
    public static PredictionWriter Create() => new(PredictionState.Rent());

    /// <summary>Adds a tensor and gives its memory to be filled. It holds zeros, and empty texts.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="name">The name of the output.</param>
    /// <param name="shape">The sizes of the axes.</param>
    /// <exception cref="ArgumentException">The shape has a negative size or is too large.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public Span<T> AddTensor<T>(string name, params ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        var type = OutputWriting.CheckTensor<T>(name, shape);
        return State.Add().AddTensor<T>(name, type, shape);
    }

    /// <summary>Adds a tensor by copy.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="name">The name of the output.</param>
    /// <param name="values">The elements in row-major order.</param>
    /// <param name="shape">The sizes of the axes.</param>
    /// <exception cref="ArgumentException">The shape has a negative size, is too large, or is not that of as many elements.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public void AddTensor<T>(string name, ReadOnlySpan<T> values, ReadOnlySpan<long> shape)
    {
        OutputWriting.Check(name, values.Length, shape);
        values.CopyTo(AddTensor<T>(name, shape));
    }

    /// <summary>Adds a map.</summary>
    /// <typeparam name="TKey">long, another type of integers, or string.</typeparam>
    /// <typeparam name="TValue">The type of its values, one that tensors may have.</typeparam>
    /// <param name="name">The name of the output.</param>
    /// <param name="entries">Its entries, which are copied.</param>
    /// <exception cref="NotSupportedException">A type is another.</exception>
    public void AddMap<TKey, TValue>(string name, IReadOnlyDictionary<TKey, TValue> entries)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(name);
        OutputWriting.CheckMap(entries);
        State.Add().SetMap(name, entries);
    }

    /// <summary>Adds a sequence without elements, to which they are added one by one.</summary>
    /// <param name="name">The name of the output.</param>
    /// <returns>Memory that takes its elements, until <see cref="Complete"/> is called.</returns>
    public PredictionSequenceWriter AddSequence(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var value = State.Add();
        value.SetComposite(name, ValueKind.Sequence, 0);
        return new(this, value);
    }

    /// <summary>Adds an output that has no value: <see cref="ValueKind.Optional"/>.</summary>
    /// <param name="name">The name of the output.</param>
    public void AddAbsent(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        State.Add().SetComposite(name, ValueKind.Optional, 0);
    }

    /// <summary>Adds a copy of another prediction's output, of any kind.</summary>
    /// <param name="output">The output.</param>
    /// <exception cref="ObjectDisposedException">Its prediction was disposed.</exception>
    public void Add(PredictionOutput output)
    {
        var value = output.ToValue();
        State.Add().CopyFrom(value);
    }

    /// <summary>Adds a copy of an input, of any kind, as an output.</summary>
    /// <param name="name">The name of the output.</param>
    /// <param name="input">The value. A flat list becomes a tensor of one axis.</param>
    /// <exception cref="ArgumentException">It is <c>default</c>, or its shape is not that of as many elements.</exception>
    /// <exception cref="InvalidOperationException">Its memory cannot be read because the owner throws.</exception>
    /// <exception cref="ObjectDisposedException">It is of an <see cref="OwnedInputs"/> that was disposed.</exception>
    public void Add(string name, PredictionInput input)
    {
        ArgumentNullException.ThrowIfNull(name);
        OutputWriting.Check(in input, 0);
        using var owned = OutputWriting.Own(in input);
        OutputWriting.Copy(State.Add(), name, owned?.Inputs[0] ?? input);
    }

    /// <summary>Ends the answer. The writer must not be used afterwards.</summary>
    /// <param name="origin">The source of the answer.</param>
    public Prediction Complete(PredictionOrigin origin = default)
    {
        State.Origin = origin;
        return new(State);
    }

    internal PredictionState State
    {
        get
        {
            if (_state is null) throw new InvalidOperationException("Begin with PredictionWriter.Create().");
            ObjectDisposedException.ThrowIf(_state.Generation != _generation, typeof(Prediction));
            return _state;
        }
    }
}
