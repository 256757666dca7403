using System.Numerics;
using System.Runtime.InteropServices;
using MlServe.Tensors;

namespace MlServe.Onnx.Probing;

/// <summary>Makes the values of one input: a row's, or one that holds for all rows.</summary>
/// <param name="signature">The input.</param>
/// <param name="shape">The shape of a row, the batch axis left out.</param>
/// <param name="range">The integers to draw from.</param>
/// <param name="isNumber">Whether integers may be as large as a pattern says, beyond the range.</param>
/// <param name="sample">The user's value for it; its elements are drawn from. Null: random numbers.</param>
internal sealed class TemplateInput(ValueSignature signature, long[] shape, IntegerRange range, bool isNumber, PredictionInput? sample)
{
    public const int SharedVariants = 6;

    private static readonly double[] SharedNumbers = [0.5, 1, 0, -1, 1e3, 1e-3];
    private static readonly long[] SharedIntegers = [1, 0, -1, 2, -2, 3];

    private double[]? _doubles;
    private long[]? _integers;

    public int Count { get; } = checked((int)Shapes.Count(shape));

    public bool IsShared => signature.BatchAxis is null;

    public bool IsNumber => isNumber;

    public bool IsFloat => signature.ElementType is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>The shape of one row of a given input; null if it cannot be told.</summary>
    public static long[]? ShapeOfRow(ValueSignature input, in PredictionInput given, int rows, bool isRow)
    {
        var elements = given.Elements;
        if (elements.Shape is { } shape)
        {
            if (input.BatchAxis is not { } axis || isRow) return shape;
            return axis < shape.Length ? Shapes.Without(shape, axis) : null;
        }

        var length = input.BatchAxis is null ? elements.Length : elements.Length / Math.Max(1, rows);
        long known = 1;
        foreach (var size in input.Shape.Where((size, axis) => axis != input.BatchAxis && !size.IsFree))
            known *= Math.Max(1, size.Size!.Value);
        return [.. input.Shape.Where((_, axis) => axis != input.BatchAxis).Select(size => size.Size ?? length / known)];
    }

    /// <summary>Makes a row's values.</summary>
    public PredictionInput Make(RowPattern pattern, Random random) => MakeOf(pattern, random, isFirst: false);

    /// <summary>Makes a value for all rows.</summary>
    /// <param name="variant">Which.</param>
    /// <param name="isFirst">Whether it is the one to begin with: the user's own if there is one, else random.</param>
    /// <param name="random">Draws values of more than one element.</param>
    public PredictionInput MakeShared(int variant, bool isFirst, Random random)
    {
        if (isFirst && sample is { } given) return given;
        if (isFirst || Count > 1)
            return MakeOf(
                new(isFirst ? RowKind.Positive : RowKind.Signed, isFirst ? 1 : SharedNumbers[variant % SharedVariants]), random, isFirst);
        return IsFloat ? Fill(_ => SharedNumbers[variant % SharedVariants]) : FillIntegers(_ => SharedIntegers[variant % SharedVariants]);
    }

    private PredictionInput MakeOf(RowPattern pattern, Random random, bool isFirst)
    {
        if (sample is { } given && signature.ElementType == ElementType.String)
            return Strings(Permuted(given.Elements.AsSpan<string>().ToArray(), random));
        return signature.ElementType switch
        {
            ElementType.String =>
                Strings([.. Enumerable.Range(0, Count).Select(_ => $"s{random.Next((int)Math.Clamp(range.End, 1, int.MaxValue))}")]),
            ElementType.Bool => FillIntegers(Booleans(pattern, random)),
            _ =>
                IsFloat
                    ? Fill(Numbers(pattern, random, Pool()))
                    : FillIntegers(Integers(isFirst ? pattern with { Kind = RowKind.Positive } : pattern, random)),
        };
    }

    private double[]? Pool() => sample is { } given ? _doubles ??= ToDoubles(given.Elements) : null;

    private Func<int, double> Numbers(RowPattern pattern, Random random, double[]? pool)
    {
        var magnitude = pattern.Magnitude;
        var constant = Draw();
        var spike = Math.Min(Count - 1, (int)(pattern.Position * Count));
        var begin = Beginning(pattern);
        return pattern.Kind switch
        {
            RowKind.Positive => _ => Draw() * magnitude,
            RowKind.Signed => _ => Draw() * magnitude * (random.Next(2) == 0 ? 1 : -1),
            RowKind.Negative => _ => -Math.Abs(Draw()) * magnitude,
            RowKind.Constant => _ => constant * magnitude,
            RowKind.Zero => static _ => 0,
            RowKind.Padded => i => i < begin ? Draw() * magnitude : 0,
            _ => i => i == spike ? magnitude : Draw() * 1e-2,
        };

        double Draw() => pool is { Length: > 0 } ? pool[random.Next(pool.Length)] : random.NextDouble();
    }

    private Func<int, long> Integers(RowPattern pattern, Random random)
    {
        if (isNumber && Math.Abs(pattern.Magnitude) > 1) return LargeIntegers(pattern, random);
        var bounds = range.And(TypeRange(signature.ElementType));
        var pool = sample is { } given ? _integers ??= ToIntegers(given.Elements) : null;
        var (least, largest) = pool is { Length: > 0 } ? (pool.Min(), pool.Max()) : (bounds.Min, bounds.End - 1);
        var constant = Draw();
        var spike = Math.Min(Count - 1, (int)(pattern.Position * Count));
        var begin = Beginning(pattern);
        var padding = pattern.Index % 2 == 0 ? largest : least;
        return pattern.Kind switch
        {
            RowKind.Constant => _ => constant,
            RowKind.Zero => _ => least,
            RowKind.Padded => i => i < begin ? Draw() : padding,
            RowKind.Spike => i => i == spike ? largest : least,
            _ => _ => Draw(),
        };

        long Draw() =>
            pool is { Length: > 0 } ? pool[random.Next(pool.Length)] : random.NextInt64(bounds.Min, Math.Max(bounds.Min + 1, bounds.End));
    }

    private Func<int, long> LargeIntegers(RowPattern pattern, Random random)
    {
        var numbers = Numbers(pattern, random, pool: null);
        return i => (long)Math.Round(numbers(i));
    }

    private static Func<int, long> Booleans(RowPattern pattern, Random random) => pattern.Kind switch
    {
        RowKind.Zero => static _ => 0,
        RowKind.Constant => static _ => 1,
        _ => _ => random.Next(2),
    };

    private int Beginning(RowPattern pattern) => Math.Max(1, Count / 128 * (pattern.Index + 1));

    private PredictionInput Fill(Func<int, double> next) => signature.ElementType switch
    {
        ElementType.Float => Tensor(i => (float)next(i)),
        ElementType.Double => Tensor(next),
        ElementType.Float16 => Tensor(i => (Half)Math.Clamp(next(i), (double)Half.MinValue, (double)Half.MaxValue)),
        _ => Tensor(i => (BFloat16)(float)next(i)),
    };

    private PredictionInput FillIntegers(Func<int, long> next) => signature.ElementType switch
    {
        ElementType.UInt8 => Tensor(i => byte.CreateSaturating(next(i))),
        ElementType.Int8 => Tensor(i => sbyte.CreateSaturating(next(i))),
        ElementType.UInt16 => Tensor(i => ushort.CreateSaturating(next(i))),
        ElementType.Int16 => Tensor(i => short.CreateSaturating(next(i))),
        ElementType.UInt32 => Tensor(i => uint.CreateSaturating(next(i))),
        ElementType.Int32 => Tensor(i => int.CreateSaturating(next(i))),
        ElementType.UInt64 => Tensor(i => ulong.CreateSaturating(next(i))),
        ElementType.Bool => Tensor(i => next(i) != 0),
        ElementType.String => Strings([.. Enumerable.Range(0, Count).Select(i => $"s{next(i)}")]),
        _ => Tensor(next),
    };

    private PredictionInput Tensor<T>(Func<int, T> next)
    {
        var values = new T[Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = next(i);
        return PredictionInput.Tensor(signature.Name, values, shape);
    }

    private PredictionInput Strings(string[] values)
    {
        var row = new string[Count];
        for (var i = 0; i < row.Length; i++)
            row[i] = values[i % values.Length];
        return PredictionInput.Tensor(signature.Name, row, shape);
    }

    private static string[] Permuted(string[] values, Random random)
    {
        random.Shuffle(values);
        return values.Length == 0 ? [""] : values;
    }

    private static IntegerRange TypeRange(ElementType type) => type switch
    {
        ElementType.UInt8 => new(0, 1L << 8),
        ElementType.Int8 => new(sbyte.MinValue, 1L << 7),
        ElementType.UInt16 => new(0, 1L << 16),
        ElementType.Int16 => new(short.MinValue, 1L << 15),
        ElementType.UInt32 => new(0, 1L << 32),
        ElementType.Int32 => new(int.MinValue, 1L << 31),
        ElementType.UInt64 => new(0, long.MaxValue),
        _ => new(long.MinValue, long.MaxValue),
    };

    private static double[] ToDoubles(in BorrowedTensor elements) => elements.Type switch
    {
        ElementType.Float => [.. elements.AsSpan<float>().ToArray().Select(static value => (double)value)],
        ElementType.Double => elements.AsSpan<double>().ToArray(),
        ElementType.Float16 => [.. elements.AsSpan<Half>().ToArray().Select(static value => (double)value)],
        _ => [.. elements.AsSpan<BFloat16>().ToArray().Select(static value => (double)(float)value)],
    };

    private static long[] ToIntegers(in BorrowedTensor elements)
    {
        var bytes = TypedBytes.Of(elements);
        return elements.Type switch
        {
            ElementType.UInt8 => Convert<byte>(bytes),
            ElementType.Int8 => Convert<sbyte>(bytes),
            ElementType.UInt16 => Convert<ushort>(bytes),
            ElementType.Int16 => Convert<short>(bytes),
            ElementType.UInt32 => Convert<uint>(bytes),
            ElementType.Int32 => Convert<int>(bytes),
            ElementType.UInt64 => Convert<ulong>(bytes),
            _ => Convert<long>(bytes),
        };

        static long[] Convert<T>(ReadOnlySpan<byte> bytes)
            where T : unmanaged, INumber<T>
        {
            var values = MemoryMarshal.Cast<byte, T>(bytes);
            var result = new long[values.Length];
            for (var i = 0; i < result.Length; i++)
                result[i] = long.CreateSaturating(values[i]);
            return result;
        }
    }
}
