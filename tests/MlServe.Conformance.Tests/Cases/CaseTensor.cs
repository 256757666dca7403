using System.Globalization;
using MlServe.Tensors;

namespace MlServe.Cases;

/// <summary>A tensor. Numbers with fractions agree as the ONNX project's own runner has it, all else exactly.</summary>
internal sealed class CaseTensor<T>(T[] values, long[] shape) : CaseValue
{
    private const double RelativeTolerance = 1e-3;
    private const double AbsoluteTolerance = 1e-7;

    private readonly Func<T, double>? _fraction = FractionOf();

    public T[] Values { get; } = values;

    public long[] Shape { get; } = shape;

    public override PredictionInput ToInput(string name) => PredictionInput.Tensor(name, Values, Shape);

    public override long SizeOf(int axis) => Shape[axis];

    public override CaseValue RowAt(int axis, int row)
    {
        var rows = (int)Shape[axis];
        var behind = Product(Shape.AsSpan(axis + 1));
        var before = Product(Shape.AsSpan(0, axis));
        var slice = new List<T>(before * behind);
        for (var block = 0; block < before; block++)
            slice.AddRange(Values.AsSpan(((block * rows) + row) * behind, behind));
        return new CaseTensor<T>([.. slice], [.. Shape[..axis], .. Shape[(axis + 1)..]]);
    }

    public override string? DifferenceTo(PredictionOutput actual)
    {
        if (actual.Kind != ValueKind.Tensor) return $"kind {actual.Kind} vs Tensor";
        if (!actual.Shape.SequenceEqual(Shape)) return $"shape [{string.Join(',', actual.Shape.ToArray())}] vs [{string.Join(',', Shape)}]";

        ReadOnlySpan<T> span;
        try
        {
            span = actual.AsSpan<T>();
        }
        catch (InvalidOperationException)
        {
            return $"type {actual.ElementType} vs {typeof(T).Name}";
        }

        if (span.Length != Values.Length) return $"{span.Length} elements vs {Values.Length}";
        for (var i = 0; i < span.Length; i++)
        {
            if (!Agree(span[i], Values[i]))
                return string.Create(CultureInfo.InvariantCulture, $"value[{i}] {span[i]} vs {Values[i]}");
        }

        return null;
    }

    private bool Agree(T actual, T expected)
    {
        if (EqualityComparer<T>.Default.Equals(actual, expected)) return true;
        if (_fraction is null) return false;
        var (left, right) = (_fraction(actual), _fraction(expected));
        if (!double.IsFinite(left) || !double.IsFinite(right)) return left.Equals(right);
        return Math.Abs(left - right) <= AbsoluteTolerance + (RelativeTolerance * Math.Abs(right));
    }

    private static Func<T, double>? FractionOf()
    {
        if (typeof(T) == typeof(float)) return static value => (float)(object)value!;
        if (typeof(T) == typeof(double)) return static value => (double)(object)value!;
        if (typeof(T) == typeof(Half)) return static value => (double)(Half)(object)value!;
        if (typeof(T) == typeof(BFloat16)) return static value => ((BFloat16)(object)value!).ToSingle();
        return null;
    }

    private static int Product(ReadOnlySpan<long> sizes)
    {
        var product = 1;
        foreach (var size in sizes)
            product *= (int)size;
        return product;
    }
}
