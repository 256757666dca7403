using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Model;
using MlServe.Quantization.Proto;
using MlServe.Quantization.Runtime;
using DataType = MlServe.Quantization.Proto.TensorProto.Types.DataType;

namespace MlServe.Quantization.Preprocessing;

/// <summary>Runs models in ONNX Runtime and compares what comes out.</summary>
internal static class ModelRuns
{
    /// <summary>Seeded values for each input; open axes have the size that is given.</summary>
    public static Dictionary<string, OrtValue> RandomInputs(GraphSession session, int seed, int open = 2)
    {
        var random = new Random(seed);
        var isDecoder = session.InputNames.Any(static name => name.Contains("past", StringComparison.Ordinal));
        var values = new Dictionary<string, OrtValue>(StringComparer.Ordinal);
        foreach (var (name, type) in session.Session.InputMetadata)
        {
            // A decoder's mask covers what went before as well.
            long[] shape = [.. type.Dimensions.Select((size, i) => size >= 0 ? size
                : isDecoder && i == 1 && name.Contains("mask", StringComparison.Ordinal) ? 2L * open
                : open)];
            var count = (int)shape.Aggregate(1L, static (product, size) => product * size);
            values.Add(name, type.ElementDataType switch
            {
                TensorElementType.Float => OrtValue.CreateTensorValueFromMemory(Fill(count, () => (random.NextSingle() * 2) - 1), shape),
                TensorElementType.Float16 => OrtValue.CreateTensorValueFromMemory(Fill(count, () => (Float16)random.NextSingle()), shape),
                TensorElementType.Int64 => OrtValue.CreateTensorValueFromMemory(Fill(count, () => random.NextInt64(0, 2)), shape),
                TensorElementType.Int32 => OrtValue.CreateTensorValueFromMemory(Fill(count, () => random.Next(0, 2)), shape),
                TensorElementType.UInt8 => OrtValue.CreateTensorValueFromMemory(Fill(count, () => (byte)random.Next(100, 150)), shape),
                TensorElementType.Int8 => OrtValue.CreateTensorValueFromMemory(Fill(count, () => (sbyte)random.Next(-50, 50)), shape),
                TensorElementType.Bool => OrtValue.CreateTensorValueFromMemory(Fill(count, () => random.Next(2) == 1), shape),
                TensorElementType.Double => OrtValue.CreateTensorValueFromMemory(Fill(count, random.NextDouble), shape),
                TensorElementType.String => Strings(Fill(count, () => "5"), shape),
                _ => throw new NotSupportedException($"{type.ElementDataType}"),
            });
        }

        return values;
    }

    public static OrtValue? FromFile(byte[] file)
    {
        var tensor = TensorProto.Parser.ParseFrom(file);
        long[] shape = [.. tensor.Dims];
        if (TensorData.TypeOf(tensor) == DataType.String)
            return Strings([.. tensor.StringData.Select(static text => text.ToStringUtf8())], shape);
        if (!tensor.HasRawData && TensorData.CountOf(tensor) > 0) return null;
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (TensorElementType)tensor.DataType, shape);
        tensor.RawData.Span.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    /// <summary>All outputs, in a form that is equal where all bits, shapes and types are.</summary>
    public static List<byte[]> Run(GraphSession session, IReadOnlyDictionary<string, OrtValue> inputs)
    {
        using var options = new RunOptions();
        using var outputs = session.Session.Run(options, inputs, session.OutputNames);
        return [.. outputs.Select(Content)];
    }

    public static double Snr(ReadOnlySpan<byte> reference, ReadOnlySpan<byte> other)
    {
        var (signal, noise) = (0.0, 0.0);
        var left = MemoryMarshal.Cast<byte, float>(reference);
        var right = MemoryMarshal.Cast<byte, float>(other);
        for (var i = 0; i < left.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(left[i]) == BitConverter.SingleToInt32Bits(right[i]) && !float.IsFinite(left[i])) continue;
            signal += left[i] * (double)left[i];
            noise += (left[i] - (double)right[i]) * (left[i] - (double)right[i]);
        }

        return noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);
    }

    private static byte[] Content(OrtValue value)
    {
        if (value.OnnxType != OnnxValueType.ONNX_TYPE_TENSOR)
        {
            if (value.OnnxType is not (OnnxValueType.ONNX_TYPE_SEQUENCE or OnnxValueType.ONNX_TYPE_MAP)) return [];
            return [.. Enumerable.Range(0, value.OnnxType == OnnxValueType.ONNX_TYPE_MAP ? 2 : value.GetValueCount()).SelectMany(i =>
            {
                using var element = value.GetValue(i, OrtAllocator.DefaultInstance);
                return Content(element);
            })];
        }

        var info = value.GetTensorTypeAndShape();
        byte[] head = [.. BitConverter.GetBytes((int)info.ElementDataType), .. MemoryMarshal.AsBytes<long>(info.Shape)];
        return info.IsString
            ? [.. head, .. value.GetStringTensorAsArray().SelectMany(static text => Encoding.UTF8.GetBytes(text + "\0"))]
            : [.. head, .. value.GetTensorMutableRawData()];
    }

    private static OrtValue Strings(string[] texts, long[] shape)
    {
        var value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
        for (var i = 0; i < texts.Length; i++)
            value.StringTensorSetElementAt(texts[i].AsSpan(), i);
        return value;
    }

    private static T[] Fill<T>(int count, Func<T> next)
    {
        var values = new T[count];
        for (var i = 0; i < count; i++)
            values[i] = next();
        return values;
    }
}
