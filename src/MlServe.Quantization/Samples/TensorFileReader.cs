using System.Buffers.Binary;
using Google.Protobuf;
using MlServe.Onnx.Inspection;
using MlServe.Quantization.Proto;

namespace MlServe.Quantization.Samples;

/// <summary>Reads tensors as ONNX's test data has them (input_0.pb).</summary>
internal static class TensorFileReader
{
    /// <returns>The tensor's name, which may be empty, and its elements.</returns>
    /// <exception cref="QuantizationException">It is no tensor, or one that is not read here.</exception>
    public static (string Name, NpyArray Array) Read(byte[] file, string path)
    {
        TensorProto tensor;
        try
        {
            tensor = TensorProto.Parser.ParseFrom(file);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples, $"'{path}' is no tensor of ONNX: {exception.Message}", exception);
        }

        var type = (OnnxElementType)tensor.DataType;
        var size = ElementSizes.Of(type);
        if (size == 0)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{path}' is no tensor of numbers: its type is {type}. Sequences, text and packed types are not read.");
        if (tensor.ExternalData.Count > 0)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples, $"'{path}' keeps its elements in another file, which is not read.");
        long[] shape = [.. tensor.Dims];
        var bytes = ElementSizes.BytesOf(type, shape)
            ?? throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{path}' says that it has the shape [{string.Join(',', shape)}], which cannot be. The file is damaged.");
        var data = tensor.HasRawData ? tensor.RawData.Memory : Fields(tensor, type, size, bytes);
        if (data.Length != bytes)
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples,
                $"'{path}' holds {data.Length} bytes of elements, and its shape [{string.Join(',', shape)}] needs {bytes}. "
                    + "The file is damaged.");
        return (tensor.Name, new(type, shape, data));
    }

    private static byte[] Fields(TensorProto tensor, OnnxElementType type, int size, long bytes)
    {
        var count = type switch
        {
            OnnxElementType.Float => tensor.FloatData.Count,
            OnnxElementType.Double => tensor.DoubleData.Count,
            OnnxElementType.Int64 => tensor.Int64Data.Count,
            OnnxElementType.UInt32 or OnnxElementType.UInt64 => tensor.Uint64Data.Count,
            _ => tensor.Int32Data.Count,
        };
        if ((long)count * size != bytes) return new byte[(long)count * size];
        var data = new byte[bytes];
        for (var i = 0; i < count; i++)
        {
            var target = data.AsSpan(i * size);
            switch (type)
            {
                case OnnxElementType.Float:
                    BinaryPrimitives.WriteSingleLittleEndian(target, tensor.FloatData[i]);
                    break;
                case OnnxElementType.Double:
                    BinaryPrimitives.WriteDoubleLittleEndian(target, tensor.DoubleData[i]);
                    break;
                case OnnxElementType.Int64:
                    BinaryPrimitives.WriteInt64LittleEndian(target, tensor.Int64Data[i]);
                    break;
                case OnnxElementType.UInt64:
                    BinaryPrimitives.WriteUInt64LittleEndian(target, tensor.Uint64Data[i]);
                    break;
                case OnnxElementType.UInt32:
                    BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)tensor.Uint64Data[i]);
                    break;
                default:
                    for (var part = 0; part < size; part++)
                        target[part] = (byte)(tensor.Int32Data[i] >> (8 * part));
                    break;
            }
        }

        return data;
    }
}
