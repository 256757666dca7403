using MlServe.Onnx.Inspection;

namespace MlServe.Onnx.Safety;

/// <summary>The least that a value is, as far as the file alone tells. Immutable.</summary>
internal sealed class Estimate
{
    /// <summary>The size of an axis that the file does not tell.</summary>
    public const long Free = -1;

    /// <summary>The most elements that are followed by their values.</summary>
    public const int MaxNumbers = 4096;

    public static readonly Estimate Unknown = new();

    /// <summary>The sizes of its axes, <see cref="Free"/> if one is not known; null if not even their number is.</summary>
    public long[]? Dims { get; init; }

    /// <summary>
    /// Whether its sizes may follow from axes that the file leaves open, and are then only the least that they can be. That is enough to
    /// say that something is too large, and no reason to say that something is too small. The first axis alone, that of a batch as a rule,
    /// makes nothing uncertain.
    /// </summary>
    public bool IsLeast { get; private init; }

    /// <summary>Whether it may have more axes than are told: it was stretched to those of a value of which nothing is known.</summary>
    public bool IsLeastRank { get; private init; }

    public OnnxElementType Type { get; init; }

    /// <summary>Its elements, NaN if one is not known; null if none is.</summary>
    public double[]? Numbers { get; init; }

    /// <summary>The input of the main graph that it is, as it was given; null for all else.</summary>
    public string? Input { get; init; }

    /// <summary>Whether it is the same in every run, so that the runtime may make it at load.</summary>
    public bool IsConstant { get; init; }

    public int? Rank => Dims?.Length;

    /// <summary>How many elements it has, free axes counted as 1.</summary>
    public double Count => CountOf(Dims);

    /// <summary>The bytes that it takes, free axes counted as 1.</summary>
    public double Bytes => Count * WidthOf(Type);

    /// <summary>How many elements it has; null if that depends on the request.</summary>
    public long? ExactCount => Dims is null || Dims.Contains(Free) || Count > long.MaxValue / 2 ? null : (long)Count;

    public static Estimate Of(OnnxElementType type, long[]? dims) => new() { Type = type, Dims = dims };

    public static Estimate Scalar(double number) =>
        new() { Type = OnnxElementType.Int64, Dims = [], Numbers = [number], IsConstant = true };

    public static Estimate List(double[] numbers, bool isConstant) =>
        new() { Type = OnnxElementType.Int64, Dims = [numbers.Length], Numbers = numbers, IsConstant = isConstant };

    public static double CountOf(long[]? dims)
    {
        var count = 1.0;
        foreach (var dim in dims ?? [])
            count *= dim < 0 ? 1 : dim;
        return count;
    }

    public Estimate With(OnnxElementType? type = null, bool? isConstant = null) =>
        new()
        {
            Type = type ?? Type,
            Dims = Dims,
            Numbers = Numbers,
            Input = Input,
            IsConstant = isConstant ?? IsConstant,
            IsLeast = IsLeast,
            IsLeastRank = IsLeastRank,
        };

    /// <summary>The facts that hold of both.</summary>
    public Estimate Join(Estimate other)
    {
        if (ReferenceEquals(this, other)) return this;
        return new()
        {
            Type = Type == other.Type ? Type : OnnxElementType.Undefined,
            Dims = Dims is null || other.Dims is null || Dims.Length != other.Dims.Length
                ? null
                : [.. Dims.Zip(other.Dims, static (a, b) => a == b ? a : Free)],
            Numbers = Numbers is not null && other.Numbers is not null && Numbers.AsSpan().SequenceEqual(other.Numbers) ? Numbers : null,
            IsLeast = IsLeast || other.IsLeast,
            IsLeastRank = IsLeastRank || other.IsLeastRank,
        };
    }

    /// <summary>Whether the same is known of it.</summary>
    public bool IsLike(Estimate other) => IsSame(Dims, other.Dims) && IsSame(Numbers, other.Numbers);

    /// <summary>The sizes that a value gives as the shape of another.</summary>
    public long[]? AsDims()
    {
        if (Numbers is not null) return Array.ConvertAll(Numbers, static number => double.IsNaN(number) ? Free : ToSize(number));

        // How many there are tells the rank.
        return Rank == 1 && ExactCount is >= 0 and <= 64 and var rank ? [.. Enumerable.Repeat(Free, (int)rank)] : null;
    }

    /// <summary>Whether a value that is made of it has sizes that are not certain.</summary>
    public bool MakesLeast => IsLeast || Dims is null || Dims.AsSpan(Math.Min(1, Dims.Length)).Contains(Free);

    public bool MakesLeastRank => IsLeastRank || Dims is null;

    public Estimate AsLeast(bool ofRank)
    {
        if (IsLeast && (IsLeastRank || !ofRank)) return this;
        return new()
        {
            Type = Type,
            Dims = Dims,
            Numbers = Numbers,
            Input = Input,
            IsConstant = IsConstant,
            IsLeast = true,
            IsLeastRank = IsLeastRank || ofRank,
        };
    }

    public static long ToSize(double number) =>
        number >= long.MaxValue ? long.MaxValue : number <= long.MinValue ? long.MinValue : (long)number;

    /// <summary>Bytes of an element; 1 if the type is not known, or smaller ones share a byte.</summary>
    public static int WidthOf(OnnxElementType type) => type switch
    {
        OnnxElementType.Double or OnnxElementType.Int64 or OnnxElementType.UInt64 or OnnxElementType.Complex64 => 8,
        OnnxElementType.Float or OnnxElementType.Int32 or OnnxElementType.UInt32 => 4,
        OnnxElementType.Float16 or OnnxElementType.BFloat16 or OnnxElementType.Int16 or OnnxElementType.UInt16 => 2,
        OnnxElementType.Complex128 => 16,

        // The runtime keeps an object for each text.
        OnnxElementType.String => 32,
        _ => 1,
    };

    private static bool IsSame<T>(T[]? left, T[]? right)
        where T : IEquatable<T> => left is null || right is null ? left is null && right is null : left.AsSpan().SequenceEqual(right);
}
