using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>
/// Takes the inputs of one row from a mapper, in any order. <c>Tensor</c> gives memory to be filled, <c>Write</c> copies, and <c>Add</c>
/// takes any value as it is. Belongs to one call; not safe for concurrent use.
/// </summary>
/// <remarks>
/// Nothing is held against the model here. Values that do not fit it, such as too few elements or too many, are answered as
/// <see cref="PredictionStatus.Invalid"/>, as for calls without a mapper.
/// </remarks>
public sealed class PredictionInputWriter
{
    /// <summary>Memory up to this size stays with an input; larger memory is rented while it is needed.</summary>
    private const int RetainedBytes = 4096;

    /// <summary>About what an input takes beside its memory.</summary>
    private const int ObjectBytes = 400;

    // Arrays are kept by length up to here: writers serve one model after another.
    private const int MaxKeptLength = 16;

    private readonly List<Slot> _slots = [];
    private readonly PredictionInput[]?[] _inputs = new PredictionInput[]?[MaxKeptLength];
    private ModelSignature? _signature;
    private int _count;

    /// <summary>The model that the inputs are for.</summary>
    public ModelSignature Signature =>
        _signature ?? throw new InvalidOperationException("A writer belongs to one call of Encode. Do not keep it.");

    /// <summary>The memory of as many elements of the model's only required input, row-major; their shape follows from the model. It
    /// holds zeros.</summary>
    /// <typeparam name="T">The type of the model's elements; not string.</typeparam>
    /// <param name="length">How many elements are given: those of one row, or the request is invalid.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative or too large.</exception>
    public Span<T> Tensor<T>(int length)
        where T : unmanaged => Next().Flat<T>(null, length);

    /// <summary>The memory of as many elements of an input, row-major; their shape follows from the model. It holds zeros.</summary>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="length">How many elements are given: those of one row, or the request is invalid.</param>
    /// <inheritdoc cref="Tensor{T}(int)" path="/*[not(self::summary) and not(self::param)]" />
    public Span<T> Tensor<T>(string name, int length)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        return Next().Flat<T>(name, length);
    }

    /// <summary>The memory of an input of a shape of one's own, in row-major order. It holds zeros.</summary>
    /// <typeparam name="T">The type of the model's elements; not string.</typeparam>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="shape">The sizes of the axes without the batch axis.</param>
    /// <exception cref="ArgumentException">The shape has a negative size or is too large.</exception>
    public Span<T> Tensor<T>(string name, scoped ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        return Next().Shaped<T>(name, shape);
    }

    /// <summary>Copies the elements of the model's only required input, row-major; their shape follows from the model.</summary>
    /// <typeparam name="T">float, double, Half, BFloat16, bool, string, or an integer of 8 to 64 bits.</typeparam>
    /// <param name="values">The elements of one row, or the request is invalid.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public void Write<T>(ReadOnlySpan<T> values) => Next().Write(null, values, [], isShaped: false);

    /// <summary>Copies the elements of an input, row-major; their shape follows from the model.</summary>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="values">The elements of one row, or the request is invalid.</param>
    /// <inheritdoc cref="Write{T}(ReadOnlySpan{T})" path="/*[not(self::summary) and not(self::param)]" />
    public void Write<T>(string name, ReadOnlySpan<T> values)
    {
        ArgumentNullException.ThrowIfNull(name);
        Next().Write(name, values, [], isShaped: false);
    }

    /// <summary>Copies the elements of an input, in row-major order, with a shape.</summary>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="values">The elements of one row, or the request is invalid.</param>
    /// <param name="shape">The sizes of the axes without the batch axis; if it is not the shape of that many elements, the request is
    /// invalid.</param>
    /// <inheritdoc cref="Write{T}(ReadOnlySpan{T})" path="/*[not(self::summary) and not(self::param)]" />
    public void Write<T>(string name, ReadOnlySpan<T> values, ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        Next().Write(name, values, shape, isShaped: true);
    }

    /// <summary>Gives a value of any kind: a sequence, a map, an absent value, a tensor in memory of one's own.</summary>
    /// <param name="input">The value. Its memory is borrowed: leave it alone until the call has completed.</param>
    public void Add(PredictionInput input) => Next().Take(input);

    internal static PredictionInputWriter Rent(ModelSignature signature)
    {
        var writer = Pool<PredictionInputWriter>.Rent();
        writer._signature = signature;
        return writer;
    }

    internal PredictionInputs ToInputs()
    {
        var inputs = ArrayOf(_inputs, _count);
        for (var i = 0; i < _count; i++)
            inputs[i] = _slots[i].ToInput();
        return PredictionInputs.RowOf(inputs);
    }

    internal void Return()
    {
        for (var i = 0; i < _count; i++)
            _slots[i].Clear();
        _count = 0;
        _signature = null;
        var bytes = 0L;
        foreach (var slot in _slots)
            bytes += slot.HeldBytes;
        Pool<PredictionInputWriter>.Return(this, (int)Math.Min(bytes, int.MaxValue));
    }

    private static T[] ArrayOf<T>(T[]?[] kept, int length) => length < kept.Length ? kept[length] ??= new T[length] : new T[length];

    private Slot Next()
    {
        _ = Signature;
        if (_count == _slots.Count) _slots.Add(new());
        return _slots[_count++];
    }

    /// <summary>One value and its memory, which serves one call after another.</summary>
    private sealed class Slot
    {
        private readonly long[]?[] _shapes = new long[]?[MaxKeptLength];
        private byte[] _own = [];
        private byte[]? _rented;
        private string[] _texts = [];
        private PredictionInput _input;

        /// <summary>The bytes that it holds on to when it is cleared.</summary>
        public int HeldBytes => ObjectBytes + _own.Length + (_texts.Length * sizeof(long));

        public PredictionInput ToInput() => _input;

        public void Take(in PredictionInput input) => _input = input;

        public Span<T> Flat<T>(string? name, int length)
            where T : unmanaged
        {
            var type = ElementTypes.Require<T>();
            ArgumentOutOfRangeException.ThrowIfNegative(length);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Array.MaxLength / ElementTypes.SizeOf(type));
            return MemoryMarshal.Cast<byte, T>(Rent(name, type, length, null));
        }

        public Span<T> Shaped<T>(string name, scoped ReadOnlySpan<long> shape)
            where T : unmanaged
        {
            var type = ElementTypes.Require<T>();
            var count = Shapes.Count(shape);
            if (count < 0 || count > Array.MaxLength / ElementTypes.SizeOf(type))
                throw new ArgumentException($"The shape {Shapes.Format(shape)} of input '{name}' is negative or too large.", nameof(shape));
            return MemoryMarshal.Cast<byte, T>(Rent(name, type, (int)count, Keep(shape)));
        }

        public void Write<T>(string? name, ReadOnlySpan<T> values, ReadOnlySpan<long> shape, bool isShaped)
        {
            var type = ElementTypes.Require<T>();
            var kept = isShaped ? Keep(shape) : null;
            if (type == ElementType.String)
            {
                if (_texts.Length < values.Length) _texts = new string[values.Length];
                values.CopyTo(MemoryMarshal.CreateSpan(
                    ref Unsafe.As<string, T>(ref MemoryMarshal.GetArrayDataReference(_texts)), values.Length));
                Set(name, BorrowedTensor.From<string>(_texts.AsMemory(0, values.Length), kept));
                return;
            }

            var bytes = MemoryMarshal.CreateReadOnlySpan(
                ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(values)), checked(values.Length * ElementTypes.SizeOf(type)));
            bytes.CopyTo(Rent(name, type, values.Length, kept, clear: false));
        }

        /// <summary>Lets go of rented memory and of references to users' data.</summary>
        public void Clear()
        {
            _input = default;
            if (_rented is { } rented) Buffers.Return(rented);
            _rented = null;
            if (_texts.Length * sizeof(long) > RetainedBytes) _texts = [];
            else _texts.AsSpan().Clear();
        }

        private long[] Keep(scoped ReadOnlySpan<long> shape)
        {
            var kept = ArrayOf(_shapes, shape.Length);
            shape.CopyTo(kept);
            return kept;
        }

        private Span<byte> Rent(string? name, ElementType type, int count, long[]? shape, bool clear = true)
        {
            var size = count * ElementTypes.SizeOf(type);
            if (size > RetainedBytes) _rented = Buffers.Rent(size);
            else if (_own.Length < size) _own = new byte[BitOperations.RoundUpToPowerOf2((uint)size)];
            var bytes = _rented ?? _own;
            if (clear) bytes.AsSpan(0, size).Clear();
            Set(name, BorrowedTensor.FromBytes(type, bytes, count, shape));
            return bytes.AsSpan(0, size);
        }

        private void Set(string? name, BorrowedTensor elements) =>
            _input = name is null ? PredictionInput.Unnamed(elements) : PredictionInput.Named(name, elements);
    }
}
