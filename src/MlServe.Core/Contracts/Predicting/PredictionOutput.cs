using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// One output of a <see cref="Prediction"/>, readable until the prediction is disposed. A request of the form <c>Row</c> gets shapes
/// without the batch axis, one of the form <c>Rows</c> gets them with it.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public readonly struct PredictionOutput
{
    private readonly PredictionState _state;
    private readonly OutputValue _value;
    private readonly int _generation;

    internal PredictionOutput(PredictionState state, int generation, OutputValue value)
    {
        _state = state;
        _generation = generation;
        _value = value;
    }

    /// <summary>The name of the model's output; empty for an element of a sequence or a part of a map.</summary>
    public string Name => Value.Name;

    /// <summary>The kind of the value; <see cref="ValueKind.Optional"/> if the model gave no value.</summary>
    public ValueKind Kind => Value.Kind;

    /// <summary>The type of a tensor's elements.</summary>
    public ElementType ElementType => Value.ElementType;

    /// <summary>The sizes of a tensor's axes; empty for a scalar and for a value that is no tensor.</summary>
    public ReadOnlySpan<long> Shape => Value.Shape;

    /// <summary>The number of elements of a tensor or sequence, or of entries of a map.</summary>
    public int Length => Value.Length;

    /// <summary>An element of a sequence.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="InvalidOperationException">The output is no sequence.</exception>
    public PredictionOutput this[int index]
    {
        get
        {
            var value = Require(ValueKind.Sequence, "an indexer");
            return new(_state, _generation, value.Children[index]);
        }
    }

    /// <summary>The keys of a map, a tensor of integers or strings.</summary>
    /// <exception cref="InvalidOperationException">The output is no map.</exception>
    public PredictionOutput Keys => new(_state, _generation, Require(ValueKind.Map, nameof(Keys)).Children[0]);

    /// <summary>The values of a map in the order of <see cref="Keys"/>, a tensor.</summary>
    /// <exception cref="InvalidOperationException">The output is no map.</exception>
    public PredictionOutput Values => new(_state, _generation, Require(ValueKind.Map, nameof(Values)).Children[1]);

    private OutputValue Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(_state is null || _state.Generation != _generation, typeof(Prediction));
            return _value;
        }
    }

    /// <summary>The elements of a tensor, without a copy; valid until the prediction is disposed.</summary>
    /// <typeparam name="T">The type of the elements: <see cref="ElementType"/>.</typeparam>
    /// <exception cref="InvalidOperationException">The output is no tensor, or its elements are of another type.</exception>
    public ReadOnlySpan<T> AsSpan<T>()
    {
        var value = Require(ValueKind.Tensor, "AsSpan, ToArray or ToTensor");
        if (ElementTypes.Of<T>() != value.ElementType) ThrowWrongType<T>(value);
        if (typeof(T) == typeof(string))
        {
            var strings = value.Strings;
            return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<string, T>(ref MemoryMarshal.GetReference(strings)), strings.Length);
        }

        return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetReference(value.Bytes)), value.Length);
    }

    /// <summary>A copy of the elements of a tensor.</summary>
    /// <inheritdoc cref="AsSpan{T}" path="/*[not(self::summary)]" />
    public T[] ToArray<T>() => AsSpan<T>().ToArray();

    /// <summary>A copy of the tensor, with its shape.</summary>
    /// <inheritdoc cref="AsSpan{T}" path="/*[not(self::summary)]" />
    public Tensor<T> ToTensor<T>()
    {
        var values = ToArray<T>();
        var shape = Shape;
        var lengths = new nint[shape.Length];
        for (var i = 0; i < lengths.Length; i++)
            lengths[i] = (nint)shape[i];
        return Tensor.Create(values, lengths);
    }

    /// <summary>The only element of a tensor of one.</summary>
    /// <typeparam name="T">The type of the element.</typeparam>
    /// <exception cref="InvalidOperationException">The output is no tensor of one element, or the element is of another type.</exception>
    public T ToScalar<T>()
    {
        var values = AsSpan<T>();
        if (values.Length != 1)
            throw new InvalidOperationException(
                $"Output '{_value.Name}' has {values.Length} elements, not one. Read it with AsSpan or ToArray.");
        return values[0];
    }

    /// <summary>A copy of a map.</summary>
    /// <typeparam name="TKey">long or string, as the model has it.</typeparam>
    /// <typeparam name="TValue">The type of the values, as the model has it.</typeparam>
    /// <exception cref="InvalidOperationException">The output is no map, or of other types.</exception>
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

    internal OutputValue ToValue() => Value;

    private OutputValue Require(ValueKind kind, string member)
    {
        var value = Value;
        if (value.Kind != kind)
        {
            throw new InvalidOperationException(
                $"Output '{value.Name}' is of kind {value.Kind}; {member} is for {kind}. A sequence has an indexer, a map Keys, Values "
                + "and ToDictionary, a tensor AsSpan.");
        }

        return value;
    }

    [DoesNotReturn]
    private static void ThrowWrongType<T>(OutputValue value) => throw new InvalidOperationException(
        $"Output '{value.Name}' holds {ElementTypes.NameOf(value.ElementType)}; read it as {ElementTypes.ClrNameOf(value.ElementType)}, "
        + $"not as {typeof(T).Name}.");

    /// <summary>The value in a line for people who debug: names, types and shapes, never an element. Never throws.</summary>
    public override string ToString() => Describing.Of(in this);
}
