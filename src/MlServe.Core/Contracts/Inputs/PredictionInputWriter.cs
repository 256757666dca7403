using System.Numerics;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>Gives a mapper the memory of one row's tensors. Belongs to one call; not safe for concurrent use.</summary>
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

    /// <summary>The memory of an input whose shape the model fixes but for the batch axis, in row-major order. It holds zeros.</summary>
    /// <typeparam name="T">The type of the model's elements; not string.</typeparam>
    /// <param name="name">The name of the model's input.</param>
    /// <exception cref="ArgumentException">There is no such input, it is no tensor, or its shape is not fixed.</exception>
    public Span<T> Tensor<T>(string name)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        var index = _signature!.IndexOfInput(name);
        if (index < 0)
            throw new ArgumentException($"There is no input '{name}'. The model has: {_signature.InputNames}.", nameof(name));

        return Tensor<T>(_signature.Inputs[index]);
    }

    /// <summary>The memory of the model's only input.</summary>
    /// <inheritdoc cref="Tensor{T}(string)" path="/*[not(self::summary) and not(self::param)]" />
    public Span<T> Tensor<T>()
        where T : unmanaged
    {
        var index = _signature!.SoleRequiredInput;
        if (index < 0)
            throw new ArgumentException($"The model has more than one input: name the one to write. It has: {_signature.InputNames}.");
        return Tensor<T>(_signature.Inputs[index]);
    }

    /// <summary>The memory of an input of a shape of one's own, in row-major order. It holds zeros.</summary>
    /// <typeparam name="T">The type of the model's elements; not string.</typeparam>
    /// <param name="name">The name of the model's input.</param>
    /// <param name="shape">The sizes of the axes without the batch axis.</param>
    /// <exception cref="ArgumentException">The shape has a negative size or is too large.</exception>
    public Span<T> Tensor<T>(string name, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        var type = ElementTypes.Require<T>();
        var count = Shapes.Count(shape);
        if (count < 0 || count > Array.MaxLength / ElementTypes.SizeOf(type))
            throw new ArgumentException($"The shape {Shapes.Format(shape)} of input '{name}' is negative or too large.", nameof(shape));

        var bytes = count * ElementTypes.SizeOf(type);
        if (_count == _slots.Count) _slots.Add(new());
        var slot = _slots[_count++];
        slot.Set(name, type, shape, (int)count, (int)bytes);
        return MemoryMarshal.Cast<byte, T>(slot.Bytes.AsSpan(0, (int)bytes));
    }

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

    private Span<T> Tensor<T>(ValueSignature input)
        where T : unmanaged
    {
        if (input.Kind != ValueKind.Tensor)
            throw new ArgumentException($"Input '{input.Name}' is of kind {input.Kind}, not a tensor.");

        // A model can declare any number of axes.
        var shape = input.Shape.Count <= 64 ? stackalloc long[input.Shape.Count] : new long[input.Shape.Count];
        var rank = 0;
        for (var axis = 0; axis < input.Shape.Count; axis++)
        {
            if (axis == input.BatchAxis) continue;
            shape[rank++] = input.Shape[axis].Size ?? throw new ArgumentException(
                $"The shape of input {input} is not fixed: give it, Tensor<T>(\"{input.Name}\", shape).");
        }

        return Tensor<T>(input.Name, shape[..rank]);
    }

    private sealed class Slot
    {
        private string _name = "";
        private ElementType _type;
        private readonly long[]?[] _shapes = new long[]?[MaxKeptLength];
        private long[] _shape = [];
        private int _count;

        private byte[] _own = [];

        public byte[] Bytes { get; private set; } = [];

        /// <summary>The bytes that it holds on to when it is cleared.</summary>
        public int HeldBytes => ObjectBytes + _own.Length;

        public void Set(string name, ElementType type, ReadOnlySpan<long> shape, int count, int bytes)
        {
            _name = name;
            _type = type;
            _count = count;
            _shape = ArrayOf(_shapes, shape.Length);
            shape.CopyTo(_shape);
            if (bytes <= RetainedBytes && _own.Length < bytes) _own = new byte[BitOperations.RoundUpToPowerOf2((uint)bytes)];
            Bytes = bytes <= RetainedBytes ? _own : Buffers.Rent(bytes);
            Bytes.AsSpan(0, bytes).Clear();
        }

        public PredictionInput ToInput() => PredictionInput.Named(_name, BorrowedTensor.FromBytes(_type, Bytes, _count, _shape));

        public void Clear()
        {
            if (!ReferenceEquals(Bytes, _own)) Buffers.Return(Bytes);
            Bytes = _own;
        }
    }
}
