using Microsoft.ML.OnnxRuntime;
using MlServe.Tensors;

namespace MlServe.Onnx;

/// <summary>Copies the runtime's values into predictions: whole, or the rows of one request.</summary>
internal static class OrtOutputs
{
    /// <summary>Copies a value.</summary>
    /// <param name="value">The runtime's value; null for an optional one that is absent.</param>
    /// <param name="target">The destination.</param>
    /// <param name="name">The name of the output; empty for parts.</param>
    /// <param name="slice">The rows of it that are wanted.</param>
    public static void Copy(OrtValue? value, OutputValue target, string name, in RowSlice slice)
    {
        switch (value?.OnnxType)
        {
            case null:
                target.SetComposite(name, ValueKind.Optional, 0);
                break;
            case OnnxValueType.ONNX_TYPE_TENSOR:
                CopyTensor(value, target, name, slice);
                break;
            case OnnxValueType.ONNX_TYPE_SEQUENCE:
                CopySequence(value, target, name, slice);
                break;
            case OnnxValueType.ONNX_TYPE_MAP:
                CopyMap(value, target, name);
                break;
            default:
                throw new NotSupportedException($"Output '{name}' is of type {value.OnnxType}, which cannot be read.");
        }
    }

    private static void CopyTensor(OrtValue value, OutputValue target, string name, in RowSlice slice)
    {
        var info = value.GetTensorTypeAndShape();
        var shape = info.Shape;
        var type = OrtTypes.FromOrt(info.ElementDataType);
        if (type == ElementType.None)
            throw new NotSupportedException($"Output '{name}' holds {info.ElementDataType}, which cannot be read.");

        var size = Math.Max(1, ElementTypes.SizeOf(type));
        if (slice.IsWhole || !slice.Fits(shape))
        {
            RequireAlone(slice, name, Shapes.Format(shape));
            target.SetTensor(name, type, shape);
            if (type == ElementType.String) ReadStrings(value, target.Strings, 0);
            else value.GetTensorDataAsSpan<byte>()[..(target.Length * size)].CopyTo(target.Bytes);
            return;
        }

        slice.SetShape(target, name, type, shape);
        var blocks = (int)Shapes.CountBefore(shape, slice.Axis);
        var rowLength = (int)Shapes.CountAfter(shape, slice.Axis);
        if (type == ElementType.String)
        {
            for (var block = 0; block < blocks; block++)
            {
                ReadStrings(value, target.Strings.Slice(block * slice.Rows * rowLength, slice.Rows * rowLength),
                    ((block * slice.Total) + slice.Row) * rowLength);
            }

            return;
        }

        RowCopy.Copy(
            value.GetTensorDataAsSpan<byte>(), slice.Total, slice.Row, target.Bytes, slice.Rows, 0, slice.Rows, blocks, rowLength * size);
    }

    private static void ReadStrings(OrtValue value, Span<string> target, int first)
    {
        for (var i = 0; i < target.Length; i++)
            target[i] = value.GetStringElement(first + i);
    }

    private static void CopySequence(OrtValue value, OutputValue target, string name, in RowSlice slice)
    {
        var count = value.GetValueCount();
        if (!slice.IsWhole && slice.Total == count)
        {
            if (slice.DropsAxis)
            {
                CopyElement(value, slice.Row, target, name);
                return;
            }

            target.SetComposite(name, ValueKind.Sequence, slice.Rows);
            for (var i = 0; i < slice.Rows; i++)
                CopyElement(value, slice.Row + i, target.AddChild(), "");
            return;
        }

        RequireAlone(slice, name, $"a sequence of {count}");
        target.SetComposite(name, ValueKind.Sequence, count);
        for (var i = 0; i < count; i++)
            CopyElement(value, i, target.AddChild(), "");
    }

    /// <summary>An output without the rows that were run can be given whole to a request that ran alone, and to nobody else.</summary>
    private static void RequireAlone(in RowSlice slice, string name, string shape)
    {
        if (slice.IsWhole || slice.Rows == slice.Total) return;
        throw new NotSupportedException(
            $"Output '{name}' came as {shape} for {slice.Total} rows, so that the answers of a batch cannot be told apart. "
            + "Set OnnxModelOptions.BatchDetection to None for this model.");
    }

    private static void CopyElement(OrtValue sequence, int index, OutputValue target, string name)
    {
        using var element = sequence.GetValue(index, OrtAllocator.DefaultInstance);
        Copy(element, target, name, RowSlice.Whole);
    }

    private static void CopyMap(OrtValue value, OutputValue target, string name)
    {
        using var keys = value.GetValue(0, OrtAllocator.DefaultInstance);
        using var values = value.GetValue(1, OrtAllocator.DefaultInstance);
        target.SetComposite(name, ValueKind.Map, (int)keys.GetTensorTypeAndShape().ElementCount);
        Copy(keys, target.AddChild(), "", RowSlice.Whole);
        Copy(values, target.AddChild(), "", RowSlice.Whole);
    }
}
