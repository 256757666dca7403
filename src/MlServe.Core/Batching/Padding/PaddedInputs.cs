using MlServe.Tensors;

namespace MlServe.Batching;

/// <summary>A request's inputs, filled up to a bucket, in memory from the shared pool.</summary>
internal sealed class PaddedInputs : IDisposable
{
    private readonly List<byte[]> _rented = [];

    private PaddedInputs()
    {
    }

    public PredictionInputs Inputs { get; private set; }

    public static PaddedInputs Create(
        PaddedAxis axis, PaddingOptions options, in PredictionInputs inputs, long length, long bucket, int rows)
    {
        var padded = new PaddedInputs();
        try
        {
            var lacksMask = axis.LacksMask(in inputs);
            var result = new PredictionInput[inputs.Count + (lacksMask ? 1 : 0)];
            for (var i = 0; i < inputs.Count; i++)
            {
                ref readonly var input = ref PredictionInputs.ItemOf(in inputs, i);
                var index = input.Name is null ? axis.Signature.SoleRequiredInput : axis.Signature.IndexOfInput(input.Name);
                result[i] = index < 0 || axis.AxisOf(index) < 0 ? input : padded.Pad(axis, options, in inputs, i, index, length, bucket);
            }

            if (lacksMask) result[^1] = padded.MakeMask(axis, inputs.IsRow, length, bucket, rows);
            padded.Inputs = inputs.With(result);
            return padded;
        }
        catch
        {
            padded.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var bytes in _rented)
            Buffers.Return(bytes);
        _rented.Clear();
    }

    private PredictionInput Pad(
        PaddedAxis axis, PaddingOptions options, in PredictionInputs inputs, int given, int index, long length, long bucket)
    {
        ref readonly var input = ref PredictionInputs.ItemOf(in inputs, given);
        var signature = axis.Signature.Inputs[index];
        var position = axis.AxisIn(signature, index, inputs.IsRow && signature.BatchAxis is not null);
        var shape = (long[]?)axis.ShapeOf(in input, index, in inputs)?.Clone();
        if (shape is null || shape.Length <= position || shape[position] != length || Shapes.Count(shape) != input.Elements.Length)
            throw UnreadableInputException.ShapeChanged(signature.Name);
        shape[position] = bucket;
        var blocks = (int)Shapes.CountBefore(shape, position);
        var step = (int)Shapes.CountAfter(shape, position);
        var count = checked((int)Shapes.Count(shape));
        if (input.Elements.Type == ElementType.String)
        {
            var strings = new string[count];
            Array.Fill(strings, "");
            RowCopy.Copy(input.Elements.AsSpan<string>(), (int)length, 0, strings.AsSpan(), (int)bucket, 0, (int)length, blocks, step);
            return PredictionInput.Named(signature.Name, BorrowedTensor.From(strings, shape));
        }

        // The type that came, not the one that is right: the model behind tells the difference.
        var type = input.Elements.Type;
        var size = ElementTypes.SizeOf(type);
        var bytes = Rent(count * size);
        Scalars.Fill(bytes.AsSpan(0, count * size), type, options.Values.TryGetValue(signature.Name, out var value) ? value : 0);
        RowCopy.Copy(TypedBytes.Of(input.Elements), (int)length, 0, bytes.AsSpan(), (int)bucket, 0, (int)length, blocks, step * size);
        return PredictionInput.Named(signature.Name, BorrowedTensor.FromBytes(type, bytes, count, shape));
    }

    private PredictionInput MakeMask(PaddedAxis axis, bool isRow, long length, long bucket, int rows)
    {
        var signature = axis.Signature.Inputs[axis.MaskIndex];
        var leavesOut = isRow && signature.BatchAxis is not null;
        var position = axis.AxisIn(signature, axis.MaskIndex, leavesOut);
        var shape = new List<long>();
        for (var i = 0; i < signature.Shape.Count; i++)
        {
            if (i == axis.AxisOf(axis.MaskIndex)) shape.Add(bucket);
            else if (i == signature.BatchAxis) shape.AddRange(leavesOut ? [] : [rows]);
            else shape.Add(signature.Shape[i].Size ?? 1);
        }

        long[] sizes = [.. shape];
        var count = checked((int)Shapes.Count(sizes));
        var size = ElementTypes.SizeOf(signature.ElementType);
        var bytes = Rent(count * size);
        Scalars.Fill(bytes.AsSpan(0, count * size), signature.ElementType, 0);
        var blocks = (int)Shapes.CountBefore(sizes, position);
        var step = (int)Shapes.CountAfter(sizes, position) * size;
        for (var block = 0; block < blocks; block++)
            Scalars.Fill(bytes.AsSpan(block * (int)bucket * step, (int)length * step), signature.ElementType, 1);
        return PredictionInput.Named(signature.Name, BorrowedTensor.FromBytes(signature.ElementType, bytes, count, sizes));
    }

    private byte[] Rent(int length)
    {
        var bytes = Buffers.Rent(length);
        _rented.Add(bytes);
        return bytes;
    }
}
