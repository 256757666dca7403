using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>
/// A queue's own copy of the inputs that hold for all rows. A request belongs to the queue if its values are equal byte by byte at the
/// moment of the look. The run uses this copy; later writes of a caller to its memory affect nobody.
/// </summary>
internal sealed class SharedInputs
{
    /// <summary>Values are compared up to this size; requests with larger ones are not batched.</summary>
    public const int MaxBytes = 1024;

    private const int HeaderBytes = 2 * sizeof(int);

    private readonly byte[] _bytes;

    /// <param name="signature">The model's signature.</param>
    /// <param name="bytes">The bytes that <see cref="Copy"/> made of a request.</param>
    public SharedInputs(ModelSignature signature, ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes.ToArray();
        var inputs = new List<PredictionInput>();
        for (; !bytes.IsEmpty; bytes = bytes[(HeaderBytes + BitConverter.ToInt32(bytes[sizeof(int)..]))..])
        {
            var input = signature.Inputs[BitConverter.ToInt32(bytes)];
            var values = bytes.Slice(HeaderBytes, BitConverter.ToInt32(bytes[sizeof(int)..])).ToArray();
            inputs.Add(PredictionInput.Named(
                input.Name,
                BorrowedTensor.FromBytes(input.ElementType, values, values.Length / ElementTypes.SizeOf(input.ElementType), null)));
        }

        Inputs = PredictionInputs.RowOf([.. inputs]);
    }

    /// <summary>The inputs, by name; never changed.</summary>
    public PredictionInputs Inputs { get; }

    public bool AreThere => _bytes.Length > 0;

    public bool Equal(ReadOnlySpan<byte> bytes) => bytes.SequenceEqual(_bytes);

    /// <summary>Copies the values that a request gives for all rows, with their places and lengths.</summary>
    /// <param name="signature">The model's signature.</param>
    /// <param name="indexes">The inputs that hold for all rows.</param>
    /// <param name="inputs">The request.</param>
    /// <param name="target">The place that they go to.</param>
    /// <returns>How many bytes; -1 if they are too many, or not bytes.</returns>
    public static int Copy(ModelSignature signature, int[] indexes, in PredictionInputs inputs, Span<byte> target)
    {
        var used = 0;
        for (var i = 0; i < inputs.Count; i++)
        {
            ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
            var index = input.Name is null ? signature.SoleRequiredInput : signature.IndexOfInput(input.Name);
            if (Array.IndexOf(indexes, index) < 0) continue;
            if (input.Kind != ValueKind.Tensor || input.Elements.Type == ElementType.String) return -1;
            var bytes = TypedBytes.Of(input.Elements);
            if (used + HeaderBytes + bytes.Length > target.Length) return -1;
            BitConverter.TryWriteBytes(target[used..], index);
            BitConverter.TryWriteBytes(target[(used + sizeof(int))..], bytes.Length);
            bytes.CopyTo(target[(used + HeaderBytes)..]);
            used += HeaderBytes + bytes.Length;
        }

        return used;
    }
}
