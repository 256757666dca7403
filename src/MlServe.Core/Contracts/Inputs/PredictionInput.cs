using System.Diagnostics;
using System.Numerics.Tensors;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// One named value of a request. It borrows what it is made of: arrays, memory and dictionaries must stay unchanged until the prediction's
/// task completes. A tensor without a shape is a flat list in row-major order whose shape follows from the model.
/// </summary>
/// <remarks>
/// Every layer can read it, without an allocation: <see cref="Kind"/> says how. Reading is safe from several threads.
/// <c>default(PredictionInput)</c> is a tensor
/// of the type <see cref="ElementType.None"/> that holds nothing.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public readonly partial struct PredictionInput
{
    private readonly object? _parts;

    private PredictionInput(string? name, ValueKind kind, BorrowedTensor elements, object? parts)
    {
        Name = name;
        Kind = kind;
        Elements = elements;
        _parts = parts;
        IsForeign = elements.IsForeign || (parts is PredictionInput[] sequence && Array.Exists(sequence, static part => part.IsForeign));
    }

    /// <summary>The name of the model's input; null: the model's only input.</summary>
    public string? Name { get; }

    /// <summary>The kind of the value; <see cref="ValueKind.Optional"/> for a value that is absent on purpose.</summary>
    public ValueKind Kind { get; }

    /// <summary>Whether reading it runs code of the caller's.</summary>
    internal bool IsForeign { get; }

    /// <summary>The elements of a tensor; the keys of a map.</summary>
    internal BorrowedTensor Elements { get; }

    /// <summary>The elements of a sequence.</summary>
    internal PredictionInput[] Sequence => (PredictionInput[])_parts!;

    /// <summary>The values of a map, in the order of its keys.</summary>
    internal BorrowedTensor MapValues => (BorrowedTensor)_parts!;

    /// <summary>Gives a tensor.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="values">The elements in row-major order.</param>
    /// <param name="shape">The sizes of the axes; null if they follow from the model.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public static PredictionInput Tensor<T>(string name, T[] values, long[]? shape = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(values);
        return new(name, ValueKind.Tensor, BorrowedTensor.From(values, shape), null);
    }

    /// <inheritdoc cref="Tensor{T}(string, T[], long[])" />
    public static PredictionInput Tensor<T>(string name, ReadOnlyMemory<T> values, long[]? shape = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new(name, ValueKind.Tensor, BorrowedTensor.From(values, shape), null);
    }

    /// <summary>Gives a tensor with its own shape.</summary>
    /// <inheritdoc cref="Tensor{T}(string, T[], long[])" path="/*[not(self::summary)]" />
    public static PredictionInput Tensor<T>(string name, Tensor<T> values)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(values);
        return new(name, ValueKind.Tensor, BorrowedTensor.From(values), null);
    }

    /// <summary>Gives a tensor of one element and no axis.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="value">The element.</param>
    public static PredictionInput Scalar<T>(string name, T value) => Tensor(name, [value], []);

    /// <summary>Gives a sequence.</summary>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="elements">Its elements, tensors or maps of one type; their names do not matter.</param>
    public static PredictionInput SequenceOf(string name, params PredictionInput[] elements)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(elements);

        // A copy of its own: what is checked and what is run is one list, and none can hold itself.
        return new(name, ValueKind.Sequence, default, (PredictionInput[])elements.Clone());
    }

    /// <summary>Gives a map.</summary>
    /// <typeparam name="TKey">long or string.</typeparam>
    /// <typeparam name="TValue">float, double, long or string.</typeparam>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="entries">The entries; copied.</param>
    public static PredictionInput MapOf<TKey, TValue>(string name, IReadOnlyDictionary<TKey, TValue> entries)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(entries);
        TKey[] keys = [.. entries.Keys];
        TValue[] values = [.. keys.Select(key => entries[key])];
        return new(name, ValueKind.Map, BorrowedTensor.From(keys, [keys.Length]), BorrowedTensor.From(values, [values.Length]));
    }

    /// <summary>Gives an optional input on purpose no value.</summary>
    /// <param name="name">The name of the model's input.</param>
    public static PredictionInput Absent(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new(name, ValueKind.Optional, default, null);
    }

    /// <summary>The same value with other elements, and other parts if it has any.</summary>
    internal PredictionInput With(BorrowedTensor elements, object? parts) => new(Name, Kind, elements, parts);

    /// <summary>The same value with other elements, or, of a map, with other values.</summary>
    internal PredictionInput With(BorrowedTensor elements) =>
        Kind == ValueKind.Map ? new(Name, Kind, Elements, elements) : new(Name, Kind, elements, _parts);

    /// <summary>The same sequence of other elements.</summary>
    internal PredictionInput With(PredictionInput[] sequence) => new(Name, Kind, Elements, sequence);

    internal static PredictionInput Unnamed(BorrowedTensor elements) => new(null, ValueKind.Tensor, elements, null);

    internal static PredictionInput Named(string name, BorrowedTensor elements) => new(name, ValueKind.Tensor, elements, null);
}
