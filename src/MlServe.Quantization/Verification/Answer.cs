using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MlServe.Onnx;
using MlServe.Tensors;

namespace MlServe.Quantization.Verification;

/// <summary>One tensor of what a model gave: an output, or a part of one that is a sequence or a map.</summary>
/// <param name="Name">The output, with the place of the part.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Numbers">The elements of floats of any width; null for other types.</param>
/// <param name="Others">The elements of other types, each as text or bytes that are equal if the elements are; null for floats.</param>
internal sealed record Answer(string Name, ElementType Type, long[] Shape, double[]? Numbers, object[]? Others)
{
    private const int MaxParts = 1000;

    /// <summary>Runs a model and copies what it gives.</summary>
    /// <exception cref="OnnxRuntimeException">It refuses the inputs.</exception>
    public static List<Answer> Run(InferenceSession session, IReadOnlyDictionary<string, OrtValue> inputs)
    {
        using var options = new RunOptions();
        using var outputs = session.Run(options, inputs, session.OutputNames);
        var answers = new List<Answer>();
        for (var i = 0; i < outputs.Count; i++)
            Add(answers, session.OutputNames[i], outputs[i]);
        return answers;
    }

    private static void Add(List<Answer> answers, string name, OrtValue value)
    {
        if (value.IsTensor)
        {
            answers.Add(Of(name, value));
            return;
        }

        if (value.OnnxType is not (OnnxValueType.ONNX_TYPE_SEQUENCE or OnnxValueType.ONNX_TYPE_MAP)) return;
        var parts = value.OnnxType == OnnxValueType.ONNX_TYPE_MAP ? 2 : value.GetValueCount();
        for (var i = 0; i < Math.Min(parts, MaxParts); i++)
        {
            using var part = value.GetValue(i, OrtAllocator.DefaultInstance);
            Add(answers, $"{name}[{i}]", part);
        }
    }

    private static Answer Of(string name, OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        var type = OrtTypes.FromOrt(info.ElementDataType);
        var shape = info.Shape;
        if (info.ElementCount == 0) return new(name, type, shape, IsFloat(type) ? [] : null, IsFloat(type) ? null : []);
        return type switch
        {
            ElementType.Float => new(name, type, shape, Widen<float>(value, static number => number), null),
            ElementType.Double => new(name, type, shape, Widen<double>(value, static number => number), null),
            ElementType.Float16 => new(name, type, shape, Widen<Half>(value, static number => (double)number), null),
            ElementType.BFloat16 =>
                new(name, type, shape, Widen<ushort>(value, static bits => BitConverter.Int32BitsToSingle(bits << 16)), null),
            ElementType.String => new(name, type, shape, null, [.. value.GetStringTensorAsArray()]),
            _ => new(name, type, shape, null, Bytes(value, ElementTypes.SizeOf(type))),
        };
    }

    private static bool IsFloat(ElementType type) =>
        type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    private static double[] Widen<T>(OrtValue value, Func<T, double> widen)
        where T : unmanaged
    {
        var elements = MemoryMarshal.Cast<byte, T>(value.GetTensorMutableRawData());
        var numbers = new double[elements.Length];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = widen(elements[i]);
        return numbers;
    }

    private static object[] Bytes(OrtValue value, int size)
    {
        var bytes = value.GetTensorMutableRawData();
        var elements = new object[size == 0 ? 0 : bytes.Length / size];
        for (var i = 0; i < elements.Length; i++)
        {
            var part = bytes.Slice(i * size, size);
            elements[i] = size switch
            {
                1 => (long)part[0],
                2 => MemoryMarshal.Read<short>(part),
                4 => MemoryMarshal.Read<int>(part),
                8 => MemoryMarshal.Read<long>(part),
                _ => Convert.ToHexString(part),
            };
        }

        return elements;
    }
}
