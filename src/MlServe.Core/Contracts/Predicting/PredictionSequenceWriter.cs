namespace MlServe;

/// <summary>
/// Takes the elements of a sequence, in their order, for the answer of a <see cref="PredictionWriter"/>. A model gives elements of one
/// kind and type; nothing checks that
/// here. Not safe for concurrent use, and of no use after <see cref="PredictionWriter.Complete"/>.
/// </summary>
public readonly struct PredictionSequenceWriter
{
    private readonly PredictionWriter _writer;
    private readonly OutputValue _sequence;

    internal PredictionSequenceWriter(PredictionWriter writer, OutputValue sequence)
    {
        _writer = writer;
        _sequence = sequence;
    }

    /// <summary>Adds a tensor and gives its memory to be filled. It holds zeros, and empty texts.</summary>
    /// <inheritdoc cref="PredictionWriter.AddTensor{T}(string, ReadOnlySpan{long})" path="/*[not(self::summary) and not(self::param)]" />
    /// <param name="shape">The sizes of the axes.</param>
    public Span<T> AddTensor<T>(params ReadOnlySpan<long> shape)
    {
        var type = OutputWriting.CheckTensor<T>("", shape);
        return Next().AddTensor<T>("", type, shape);
    }

    /// <summary>Adds a tensor by copy.</summary>
    /// <inheritdoc cref="PredictionWriter.AddTensor{T}(string, ReadOnlySpan{T}, ReadOnlySpan{long})"
    /// path="/*[not(self::summary) and not(self::param)]" />
    /// <param name="values">The elements in row-major order.</param>
    /// <param name="shape">The sizes of the axes.</param>
    public void AddTensor<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape)
    {
        OutputWriting.Check("", values.Length, shape);
        values.CopyTo(AddTensor<T>(shape));
    }

    /// <summary>Adds a map.</summary>
    /// <inheritdoc cref="PredictionWriter.AddMap" path="/*[not(self::summary) and not(self::param)]" />
    /// <param name="entries">Its entries, which are copied.</param>
    public void AddMap<TKey, TValue>(IReadOnlyDictionary<TKey, TValue> entries)
        where TKey : notnull
    {
        OutputWriting.CheckMap(entries);
        Next().SetMap("", entries);
    }

    /// <summary>Adds a copy of another prediction's output, or of an element of one.</summary>
    /// <param name="output">The output.</param>
    /// <exception cref="ObjectDisposedException">Its prediction was disposed.</exception>
    public void Add(PredictionOutput output)
    {
        var value = output.ToValue();
        Next().CopyFrom(value, isElement: true);
    }

    /// <summary>Adds a copy of an input, or of an element of one.</summary>
    /// <param name="input">The value. A flat list becomes a tensor of one axis.</param>
    /// <exception cref="ArgumentException">It is <c>default</c>, or its shape is not that of as many elements.</exception>
    /// <exception cref="InvalidOperationException">Its memory cannot be read because the owner throws.</exception>
    /// <exception cref="ObjectDisposedException">It is of an <see cref="OwnedInputs"/> that was disposed.</exception>
    public void Add(PredictionInput input)
    {
        OutputWriting.Check(in input, 0);
        using var owned = OutputWriting.Own(in input);
        OutputWriting.Copy(Next(), "", owned?.Inputs[0] ?? input);
    }

    private OutputValue Next()
    {
        // Throws if the answer is no longer the writer's.
        _ = _writer.State;
        return _sequence.AddElement();
    }
}
