using System.Runtime.InteropServices;
using MlServe.Onnx.Inspection;

namespace MlServe.Quantization.Samples;

/// <summary>Makes a prediction's input of an array.</summary>
internal static class SampleInput
{
    public static PredictionInput Of(string name, NpyArray array) => array.Type switch
    {
        OnnxElementType.Bool => Tensor<bool>(name, array),
        OnnxElementType.UInt8 => Tensor<byte>(name, array),
        OnnxElementType.Int8 => Tensor<sbyte>(name, array),
        OnnxElementType.UInt16 => Tensor<ushort>(name, array),
        OnnxElementType.Int16 => Tensor<short>(name, array),
        OnnxElementType.UInt32 => Tensor<uint>(name, array),
        OnnxElementType.Int32 => Tensor<int>(name, array),
        OnnxElementType.UInt64 => Tensor<ulong>(name, array),
        OnnxElementType.Int64 => Tensor<long>(name, array),
        OnnxElementType.Float16 => Tensor<Half>(name, array),
        OnnxElementType.Float => Tensor<float>(name, array),
        OnnxElementType.Double => Tensor<double>(name, array),
        _ =>
            throw new QuantizationException(
                QuantizationFailure.UnreadableSamples, $"Input '{name}' is {array.Type}, which is not read from files."),
    };

    private static PredictionInput Tensor<T>(string name, NpyArray array)
        where T : unmanaged =>
        PredictionInput.Tensor(name, MemoryMarshal.Cast<byte, T>(array.Data.Span).ToArray(), array.Shape);
}
