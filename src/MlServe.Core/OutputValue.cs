using System.Buffers;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>The storage of one output, reused from prediction to prediction.</summary>
internal sealed class OutputValue
{
    /// <summary>Buffers up to this size stay with the value; larger ones are rented from the shared pool while they are needed.</summary>
    private const int RetainedBytes = 4096;

    private static readonly byte[] Nothing = [];

    private long[] _shape = new long[4];
    private byte[] _own = Nothing;
    private byte[]? _rented;
    private string[] _strings = [];
    private List<OutputValue>? _children;

    public string Name { get; private set; } = "";

    public ValueKind Kind { get; private set; }

    public ElementType ElementType { get; private set; }

    public int Rank { get; private set; }

    /// <summary>Elements of a tensor, elements of a sequence, entries of a map.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<long> Shape => _shape.AsSpan(0, Rank);

    public Span<byte> Bytes => (_rented ?? _own).AsSpan(0, Length * ElementTypes.SizeOf(ElementType));

    public Span<string> Strings => _strings.AsSpan(0, Length);

    /// <summary>The elements of a sequence; the keys and the values of a map, two tensors.</summary>
    public IReadOnlyList<OutputValue> Children => _children ?? (IReadOnlyList<OutputValue>)[];

    public void SetTensor(string name, ElementType type, ReadOnlySpan<long> shape)
    {
        var count = Shapes.Count(shape);
        var size = Math.Max(1, ElementTypes.SizeOf(type));
        if (count < 0 || count > Array.MaxLength / size)
            throw new OverflowException($"Output '{name}' of shape {Shapes.Format(shape)} does not fit in memory that .NET can address.");

        var bytes = count * size;
        Name = name;
        Kind = ValueKind.Tensor;
        ElementType = type;
        Length = (int)count;
        Rank = shape.Length;
        if (_shape.Length < shape.Length) _shape = new long[shape.Length];
        shape.CopyTo(_shape);

        if (type == ElementType.String)
        {
            if (_strings.Length < Length) _strings = new string[Length];
        }
        else if (bytes > RetainedBytes)
        {
            _rented = ArrayPool<byte>.Shared.Rent((int)bytes);
        }
        else if (_own.Length < bytes)
        {
            _own = new byte[Math.Max(64, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)bytes))];
        }
    }

    public void SetComposite(string name, ValueKind kind, int length)
    {
        Name = name;
        Kind = kind;
        ElementType = ElementType.None;
        Rank = 0;
        Length = length;
    }

    public OutputValue AddChild()
    {
        var child = new OutputValue();
        (_children ??= []).Add(child);
        return child;
    }

    public Span<T> Span<T>()
        where T : struct => MemoryMarshal.Cast<byte, T>(Bytes);

    /// <summary>Lets go of what was rented and of references to users' data.</summary>
    public void Clear()
    {
        if (_rented is { } rented)
        {
            ArrayPool<byte>.Shared.Return(rented);
            _rented = null;
        }

        if (ElementType == ElementType.String) _strings = [];
        if (_children is { } children)
        {
            foreach (var child in children)
                child.Clear();
            _children = null;
        }

        Length = 0;
        Rank = 0;
    }
}
