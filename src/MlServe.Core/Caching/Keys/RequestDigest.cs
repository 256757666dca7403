using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe.Caching;

/// <summary>
/// Hashes everything of a request that decides its answer. These are its form, the inputs that it gives, their kinds, element types, shapes
/// and elements, and the outputs that it asks for. Elements are hashed in place. Their hashes and the rest go into one small text, which is
/// hashed in the end (and in between if it grows too long).
/// </summary>
/// <typeparam name="THash">The hash function.</typeparam>
internal ref struct RequestDigest<THash>
    where THash : struct, IContentHash
{
    private const int MaxDepth = 8;

    private readonly Span<byte> _text;
    private int _length;

    /// <param name="text">Room for the text, 256 bytes or more.</param>
    public RequestDigest(Span<byte> text) => _text = text;

    /// <summary>Takes a request in; false if it does not fit the model, so that it cannot be told which answer it asks for.</summary>
    public bool TryAdd(in PredictionInputs inputs, OutputSelection outputs)
    {
        AddNumber((inputs.IsRow ? 1L << 40 : 0) | (uint)(inputs.RowCount ?? -1));
        if (!TryAddInputs(in inputs, outputs.Signature)) return false;
        if (outputs.IsAll)
        {
            AddNumber(-1);
            return true;
        }

        AddNumber(outputs.IndexSpan.Length);
        foreach (var index in outputs.IndexSpan)
            AddNumber(index);
        return true;
    }

    public void AddText(string text) => AddElements(MemoryMarshal.AsBytes(text.AsSpan()));

    /// <summary>The hash of all that was taken in.</summary>
    public readonly void Finish(Span<byte> destination) => THash.Hash(_text[.._length], destination);

    private bool TryAddInputs(in PredictionInputs inputs, ModelSignature signature)
    {
        var count = inputs.Count;
        AddNumber(count);
        if (count == 1)
        {
            ref readonly var only = ref PredictionInputs.ItemOf(in inputs, 0);
            return IndexOf(in only, signature) is >= 0 and var index && TryAddInput(in only, index);
        }

        // In the model's order, whatever order they were given in.
        var last = -1;
        for (var taken = 0; taken < count; taken++)
        {
            var least = int.MaxValue;
            var item = -1;
            for (var i = 0; i < count; i++)
            {
                var index = IndexOf(in PredictionInputs.ItemOf(in inputs, i), signature);
                if (index < 0) return false;
                if (index > last && index < least) (least, item) = (index, i);
            }

            // A name given twice.
            if (item < 0) return false;
            if (!TryAddInput(in PredictionInputs.ItemOf(in inputs, item), least)) return false;
            last = least;
        }

        return true;
    }

    private static int IndexOf(in PredictionInput input, ModelSignature signature) =>
        input.Name is { } name ? signature.IndexOfInput(name) : signature.SoleRequiredInput;

    private bool TryAddInput(in PredictionInput input, int index)
    {
        AddNumber(index);
        return TryAddValue(in input, 0);
    }

    private bool TryAddValue(in PredictionInput value, int depth)
    {
        AddNumber((long)value.Kind);
        switch (value.Kind)
        {
            case ValueKind.Tensor:
                return TryAddTensor(value.Elements);
            case ValueKind.Map:
                return TryAddTensor(value.Elements) && TryAddTensor(value.MapValues);
            case ValueKind.Sequence when depth < MaxDepth:
                AddNumber(value.Sequence.Length);
                foreach (ref readonly var element in value.Sequence.AsSpan())
                {
                    if (!TryAddValue(in element, depth + 1)) return false;
                }

                return true;
            default:
                return value.Kind == ValueKind.Optional;
        }
    }

    private bool TryAddTensor(scoped in BorrowedTensor tensor)
    {
        if (tensor.Type == ElementType.None) return false;
        AddNumber((long)tensor.Type | ((long)(tensor.Shape?.Length ?? -1) << 32));
        foreach (var size in tensor.Shape.AsSpan())
            AddNumber(size);
        if (tensor.Type != ElementType.String)
        {
            AddElements(TypedBytes.Of(in tensor));
            return true;
        }

        AddNumber(tensor.Length);
        foreach (var text in tensor.AsSpan<string>())
        {
            if (text is null) return false;
            AddText(text);
        }

        return true;
    }

    private void AddElements(scoped ReadOnlySpan<byte> elements)
    {
        AddNumber(elements.Length);
        THash.Hash(elements, Reserve(THash.Size));
    }

    private void AddNumber(long number) => BinaryPrimitives.WriteInt64LittleEndian(Reserve(sizeof(long)), number);

    private Span<byte> Reserve(int bytes)
    {
        if (_length + bytes > _text.Length)
        {
            Span<byte> hash = stackalloc byte[THash.Size];
            THash.Hash(_text[.._length], hash);
            hash.CopyTo(_text);
            _length = THash.Size;
        }

        _length += bytes;
        return _text.Slice(_length - bytes, bytes);
    }
}
