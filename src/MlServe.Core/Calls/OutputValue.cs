using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe;

/// <summary>The storage of one output, reused from prediction to prediction.</summary>
internal sealed class OutputValue
{
    /// <summary>Buffers up to this size stay with the value; larger ones are rented while they are needed.</summary>
    private const int RetainedBytes = 1024;

    /// <summary>About what the object takes beside its buffer.</summary>
    private const int ObjectBytes = 200;

    private static readonly byte[] Nothing = [];

    private long[] _shape = new long[4];
    private byte[] _own = Nothing;
    private byte[]? _rented;
    private string[] _strings = [];
    private List<OutputValue>? _children;
    private bool _isShared;

    public string Name { get; private set; } = "";

    public ValueKind Kind { get; private set; }

    public ElementType ElementType { get; private set; }

    public int Rank { get; private set; }

    /// <summary>Elements of a tensor, elements of a sequence, entries of a map.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes that the value holds on to when it is cleared.</summary>
    public int HeldBytes => ObjectBytes + _own.Length + (sizeof(long) * _shape.Length);

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
            _rented = Buffers.Rent((int)bytes);
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

    /// <summary>Takes over the content of another value, by copy.</summary>
    /// <param name="other">The other one.</param>
    /// <param name="isElement">Whether this is an element of a sequence, which has no name.</param>
    public void CopyFrom(OutputValue other, bool isElement = false)
    {
        var name = isElement ? "" : other.Name;
        if (other.Kind == ValueKind.Tensor)
        {
            SetTensor(name, other.ElementType, other.Shape);
            if (ElementType == ElementType.String) other.Strings.CopyTo(Strings);
            else other.Bytes.CopyTo(Bytes);
            return;
        }

        SetComposite(name, other.Kind, other.Length);
        foreach (var child in other.Children)
            AddChild().CopyFrom(child);
    }

    /// <summary>A copy that nobody changes any more, in no more memory than it needs.</summary>
    public OutputValue Freeze()
    {
        var copy = new OutputValue
        {
            Name = Name,
            Kind = Kind,
            ElementType = ElementType,
            Length = Length,
            Rank = Rank,
            _shape = Shape.ToArray(),
        };
        if (Kind == ValueKind.Tensor)
        {
            if (ElementType == ElementType.String) copy._strings = Strings.ToArray();
            else copy._own = Bytes.ToArray();
        }

        if (_children is { } children) copy._children = [.. children.Select(static child => child.Freeze())];
        return copy;
    }

    /// <summary>
    /// Shows what a frozen value holds, without a copy: it is left to the garbage collector, so nobody has to count who reads it.
    /// </summary>
    public void Share(OutputValue frozen)
    {
        Name = frozen.Name;
        Kind = frozen.Kind;
        ElementType = frozen.ElementType;
        Length = frozen.Length;
        Rank = frozen.Rank;
        if (_shape.Length < Rank) _shape = new long[Rank];
        frozen.Shape.CopyTo(_shape);
        _isShared = true;
        if (ElementType == ElementType.String) _strings = frozen._strings;
        else _rented = frozen._own;
        _children = frozen._children;
    }

    public OutputValue AddChild()
    {
        var child = new OutputValue();
        (_children ??= []).Add(child);
        return child;
    }

    /// <summary>One more element of a sequence.</summary>
    public OutputValue AddElement()
    {
        Length++;
        return AddChild();
    }

    public Span<T> Span<T>()
        where T : struct => MemoryMarshal.Cast<byte, T>(Bytes);

    /// <summary>Lets go of rented memory and of references to users' data.</summary>
    public void Clear()
    {
        if (_isShared)
        {
            _isShared = false;
            _rented = null;
            _children = null;
        }

        if (_rented is { } rented)
        {
            Buffers.Return(rented);
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
