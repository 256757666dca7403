using System.Diagnostics.CodeAnalysis;
using MlServe.Tensors;

namespace MlServe;

/// <content>How it is read.</content>
public readonly partial struct PredictionInput
{
    /// <summary>Whether it is an optional input's value that is absent on purpose.</summary>
    public bool IsAbsent => Kind == ValueKind.Optional;

    /// <summary>The type of a tensor's elements; <see cref="ElementType.None"/> for all else.</summary>
    public ElementType ElementType => Kind == ValueKind.Tensor ? Elements.Type : ElementType.None;

    /// <summary>Whether a tensor came with a shape; false for a flat list, whose shape follows from the model.</summary>
    public bool HasShape => Kind == ValueKind.Tensor && Elements.Shape is not null;

    /// <summary>
    /// The sizes of a tensor's axes, as they were given: nobody has checked them. Empty for a scalar, and if <see cref="HasShape"/> is
    /// false. A request of the form
    /// <c>Row</c> leaves out the batch axis.
    /// </summary>
    public ReadOnlySpan<long> Shape => HasShape ? Elements.Shape : default;

    /// <summary>The number of elements of a tensor or sequence, or of entries of a map; 0 for an absent value.</summary>
    public long Length => Kind == ValueKind.Sequence ? Sequence.Length : Elements.Length;

    /// <summary>The keys of a map, a tensor of integers or strings without a name.</summary>
    /// <exception cref="InvalidOperationException">It is no map.</exception>
    public PredictionInput Keys
    {
        get
        {
            Require(ValueKind.Map, nameof(Keys));
            return Unnamed(Elements);
        }
    }

    /// <summary>The values of a map in the order of <see cref="Keys"/>, a tensor without a name.</summary>
    /// <exception cref="InvalidOperationException">It is no map.</exception>
    public PredictionInput Values
    {
        get
        {
            Require(ValueKind.Map, nameof(Values));
            return Unnamed(MapValues);
        }
    }

    /// <summary>An element of a sequence.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="InvalidOperationException">It is no sequence.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The sequence has no such element.</exception>
    public PredictionInput this[int index]
    {
        get
        {
            Require(ValueKind.Sequence, "an indexer");
            var parts = Sequence;
            if ((uint)index >= (uint)parts.Length)
                throw new ArgumentOutOfRangeException(nameof(index), index, $"The sequence '{Name}' has {parts.Length} elements.");
            return parts[index];
        }
    }

    /// <summary>
    /// The elements of a tensor in row-major order, as they lie in the caller's memory. They are copied only if they do not lie there in
    /// this order:
    /// a <c>Tensor&lt;T&gt;</c> with gaps or transposed. Valid as long as the inputs are.
    /// </summary>
    /// <typeparam name="T">The type of the elements: <see cref="ElementType"/>.</typeparam>
    /// <exception cref="ObjectDisposedException">It is of an <see cref="OwnedInputs"/> that was disposed.</exception>
    /// <exception cref="InvalidOperationException">
    /// It is no tensor, its elements are of another type, or its memory cannot be read because the owner throws.
    /// </exception>
    public ReadOnlySpan<T> AsSpan<T>()
    {
        Require(ValueKind.Tensor, "AsSpan or ToArray");
        if (Elements.Type == ElementType.None || ElementTypes.Of<T>() != Elements.Type) ThrowWrongType<T>();
        ThrowIfDisposed();
        return Elements.AsSpan<T>();
    }

    /// <summary>
    /// The elements of a tensor as bytes, row-major and in the order of the machine, for all types but strings. As <see cref="AsSpan{T}"/>,
    /// a copy only if they do not lie so in memory.
    /// </summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>False for strings and for values that are no tensors.</returns>
    /// <exception cref="ObjectDisposedException">It is of an <see cref="OwnedInputs"/> that was disposed.</exception>
    /// <exception cref="InvalidOperationException">The memory cannot be read because the owner throws.</exception>
    public bool TryGetBytes(out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (Kind != ValueKind.Tensor || Elements.Type is ElementType.None or ElementType.String) return false;
        ThrowIfDisposed();
        bytes = TypedBytes.Of(Elements);
        return true;
    }

    /// <summary>A copy of the elements of a tensor.</summary>
    /// <inheritdoc cref="AsSpan{T}" path="/*[not(self::summary)]" />
    public T[] ToArray<T>() => AsSpan<T>().ToArray();

    /// <summary>The only element of a tensor of one.</summary>
    /// <typeparam name="T">The type of the element.</typeparam>
    /// <exception cref="ObjectDisposedException">It is of an <see cref="OwnedInputs"/> that was disposed.</exception>
    /// <exception cref="InvalidOperationException">It is no tensor of one element, or the element is of another type.</exception>
    public T ToScalar<T>()
    {
        var values = AsSpan<T>();
        if (values.Length != 1)
            throw new InvalidOperationException($"Input '{Name}' has {values.Length} elements, not one. Read it with AsSpan or ToArray.");
        return values[0];
    }

    /// <summary>A copy of a map.</summary>
    /// <typeparam name="TKey">The type of its keys, a type of integers or string.</typeparam>
    /// <typeparam name="TValue">The type of its values.</typeparam>
    /// <exception cref="ObjectDisposedException">It is of an <see cref="OwnedInputs"/> that was disposed.</exception>
    /// <exception cref="InvalidOperationException">It is no map, or of other types.</exception>
    public Dictionary<TKey, TValue> ToDictionary<TKey, TValue>()
        where TKey : notnull
    {
        Require(ValueKind.Map, "ToDictionary");
        var keys = Keys.AsSpan<TKey>();
        var values = Values.AsSpan<TValue>();
        var result = new Dictionary<TKey, TValue>(keys.Length);
        for (var i = 0; i < keys.Length; i++)
            result.Add(keys[i], values[i]);
        return result;
    }

    /// <summary>The value in a line for people who debug: names, types and shapes, never an element. Never throws.</summary>
    public override string ToString() => Describing.Of(in this);

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Elements.IsReleased, typeof(OwnedInputs));

    private void Require(ValueKind kind, string member)
    {
        if (Kind != kind) ThrowWrongKind(kind, member);
    }

    [DoesNotReturn]
    private void ThrowWrongKind(ValueKind kind, string member) => throw new InvalidOperationException(
        $"Input '{Name}' is of kind {Kind}; {member} is for {kind}. A sequence has an indexer, a map Keys and Values, a tensor AsSpan.");

    [DoesNotReturn]
    private void ThrowWrongType<T>() => throw new InvalidOperationException(Elements.Type == ElementType.None
        ? "default(PredictionInput) holds no elements. Make a value with PredictionInput.Tensor, SequenceOf, MapOf or Absent."
        : $"Input '{Name}' holds {ElementTypes.NameOf(Elements.Type)}; "
            + $"read it as {ElementTypes.ClrNameOf(Elements.Type)}, not as {typeof(T).Name}.");
}
