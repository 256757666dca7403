using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MlServe.Quantization.Runtime;

namespace MlServe.Quantization.Verification;

/// <summary>
/// Fills inputs with values: made up, or drawn from a sample's own, so that numbers of words and classes are ones that the model knows.
/// </summary>
internal sealed class TrialValues(GraphSession session, EncodedSample? sample, int seed)
{
    private const long MaxElements = 64L * 1024 * 1024;

    private readonly Random _random = new(seed);

    /// <summary>How large the values are, and whether integers are drawn at all.</summary>
    /// <param name="Label">For messages.</param>
    /// <param name="Low">The least float.</param>
    /// <param name="High">The greatest float; equal to the least: all are alike.</param>
    /// <param name="Factor">The factor of a sample's values.</param>
    /// <param name="MaxInteger">The bound of integers that are made up, itself left out.</param>
    /// <param name="IsUsual">Whether they are of the size that models see.</param>
    internal sealed record Kind(string Label, float Low, float High, float Factor, int MaxInteger, bool IsUsual);

    public static IReadOnlyList<Kind> Usual { get; } =
        [new("values around 0", -1, 1, 1, 8, true), new("values around 0, small integers", -1, 1, 1, 2, true)];

    public static IReadOnlyList<Kind> Others { get; } =
    [
        new("positive values", 0, 1, 1, 8, true), new("zeros", 0, 0, 0, 1, false), new("small values", -1e-3f, 1e-3f, 1e-3f, 2, false),
        new("large values", -1e3f, 1e3f, 1e3f, 8, false),
    ];

    /// <summary>Null if an input is of a type that is not made up, or too large.</summary>
    public Dictionary<string, OrtValue>? Make(IEnumerable<(string Input, long[] Shape)> shapes, Kind kind)
    {
        var values = new Dictionary<string, OrtValue>(StringComparer.Ordinal);
        foreach (var (input, shape) in shapes)
        {
            var count = shape.Aggregate(1L, static (product, size) => product * size);
            if (count <= MaxElements
                && Make(input, session.Session.InputMetadata[input].ElementDataType, shape, (int)count, kind) is { } value)
            {
                values.Add(input, value);
                continue;
            }

            foreach (var made in values.Values)
                made.Dispose();
            return null;
        }

        return values;
    }

    private OrtValue? Make(string input, TensorElementType type, long[] shape, int count, Kind kind)
    {
        var given = sample?.Values.GetValueOrDefault(input);
        switch (type)
        {
            case TensorElementType.Float:
                var floats = Draw<float>(given, count) is { } drawn ? Scaled(drawn, kind) : Fill(count, () => Float(kind));
                return OrtValue.CreateTensorValueFromMemory(floats, shape);
            case TensorElementType.Double:
                return OrtValue.CreateTensorValueFromMemory(Draw<double>(given, count) ?? Fill(count, () => (double)Float(kind)), shape);
            case TensorElementType.Float16:
                return OrtValue.CreateTensorValueFromMemory(Draw<Float16>(given, count) ?? Fill(count, () => (Float16)Float(kind)), shape);
            case TensorElementType.Int64:
                return OrtValue.CreateTensorValueFromMemory(Draw<long>(given, count) ?? Fill(count, () => (long)Integer(kind)), shape);
            case TensorElementType.Int32:
                return OrtValue.CreateTensorValueFromMemory(Draw<int>(given, count) ?? Fill(count, () => Integer(kind)), shape);
            case TensorElementType.Int16:
                return OrtValue.CreateTensorValueFromMemory(Draw<short>(given, count) ?? Fill(count, () => (short)Integer(kind)), shape);
            case TensorElementType.Int8:
                return OrtValue.CreateTensorValueFromMemory(Draw<sbyte>(given, count) ?? Fill(count, () => (sbyte)Integer(kind)), shape);
            case TensorElementType.UInt8:
                return OrtValue.CreateTensorValueFromMemory(Draw<byte>(given, count) ?? Fill(count, () => (byte)Integer(kind)), shape);
            case TensorElementType.Bool:
                return OrtValue.CreateTensorValueFromMemory(Draw<bool>(given, count) ?? Fill(count, () => Integer(kind) % 2 == 1), shape);
            case TensorElementType.String:
                var texts = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
                for (var i = 0; i < count; i++)
                    texts.StringTensorSetElementAt($"s{Integer(kind)}", i);
                return texts;
            default:
                return null;
        }
    }

    /// <summary>As many of a sample's elements, in a drawn order; null if there is no sample of this input.</summary>
    private T[]? Draw<T>(OrtValue? given, int count)
        where T : unmanaged
    {
        if (given is null || given.GetTensorTypeAndShape().ElementCount == 0) return null;
        var from = MemoryMarshal.Cast<byte, T>(given.GetTensorMutableRawData());
        var values = new T[count];
        if (count == from.Length)
        {
            from.CopyTo(values);
            return values;
        }

        for (var i = 0; i < count; i++)
            values[i] = from[_random.Next(from.Length)];
        return values;
    }

    private static float[] Scaled(float[] values, Kind kind)
    {
        for (var i = 0; i < values.Length; i++)
            values[i] *= kind.Factor;
        return values;
    }

    private float Float(Kind kind) => kind.Low + (_random.NextSingle() * (kind.High - kind.Low));

    private int Integer(Kind kind) => _random.Next(kind.MaxInteger);

    private static T[] Fill<T>(int count, Func<T> next)
    {
        var values = new T[count];
        for (var i = 0; i < count; i++)
            values[i] = next();
        return values;
    }
}
