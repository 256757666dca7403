using MlServe.Tensors;

namespace MlServe.Onnx.Finite;

/// <summary>Makes a row to try of one that is known to be good.</summary>
internal static class NonFiniteRow
{
    /// <summary>The elements of floating point in a value, parts of a sequence and values of a map counted.</summary>
    public static long CountOf(in PredictionInput input)
    {
        switch (input.Kind)
        {
            case ValueKind.Sequence:
                long sum = 0;
                foreach (ref readonly var part in input.Sequence.AsSpan())
                    sum += CountOf(in part);
                return sum;
            case ValueKind.Map:
                return FiniteScan.Knows(input.MapValues.Type) ? input.MapValues.Length : 0;
            default:
                return FiniteScan.Knows(input.Elements.Type) ? input.Elements.Length : 0;
        }
    }

    /// <summary>The kinds that are among the elements of a value already.</summary>
    public static NonFiniteValues KindsOf(in PredictionInput input)
    {
        switch (input.Kind)
        {
            case ValueKind.Sequence:
                var kinds = NonFiniteValues.None;
                foreach (ref readonly var part in input.Sequence.AsSpan())
                    kinds |= KindsOf(in part);
                return kinds;
            case ValueKind.Map:
                return KindsOf(input.MapValues);
            default:
                return KindsOf(input.Elements);
        }
    }

    /// <summary>The patterns that differ for so many elements, those first that most models fail at.</summary>
    public static ReadOnlySpan<NonFinitePattern> PatternsFor(long count) => count switch
    {
        <= 0 => [],
        1 => [NonFinitePattern.First],
        2 => [NonFinitePattern.First, NonFinitePattern.Last],
        _ => [NonFinitePattern.Last, NonFinitePattern.Odd, NonFinitePattern.Even, NonFinitePattern.First],
    };

    /// <summary>The row with some elements of one input replaced.</summary>
    /// <param name="row">The row.</param>
    /// <param name="position">The position of the input among what the row gives.</param>
    /// <param name="kind">The value to put there.</param>
    /// <param name="pattern">The place.</param>
    public static PredictionInputs With(in PredictionInputs row, int position, NonFiniteValues kind, NonFinitePattern pattern)
    {
        var items = new PredictionInput[row.Count];
        for (var i = 0; i < items.Length; i++)
            items[i] = PredictionInputs.ItemOf(in row, i);
        var number = kind switch
        {
            NonFiniteValues.NaN => double.NaN,
            NonFiniteValues.PositiveInfinity => double.PositiveInfinity,
            _ => double.NegativeInfinity,
        };
        long seen = 0;
        items[position] = Fill(in items[position], number, pattern, CountOf(in items[position]), ref seen);
        return row.With(items);
    }

    private static NonFiniteValues KindsOf(in BorrowedTensor elements) =>
        FiniteScan.Knows(elements.Type) ? FiniteScan.KindsOf(elements.Type, TypedBytes.Of(elements)) : NonFiniteValues.None;

    private static PredictionInput Fill(in PredictionInput input, double number, NonFinitePattern pattern, long total, ref long seen)
    {
        switch (input.Kind)
        {
            case ValueKind.Sequence:
                var parts = new PredictionInput[input.Sequence.Length];
                for (var i = 0; i < parts.Length; i++)
                    parts[i] = Fill(in input.Sequence[i], number, pattern, total, ref seen);
                return input.With(parts);
            case ValueKind.Map:
                return input.With(Fill(input.MapValues, number, pattern, total, ref seen));
            case ValueKind.Tensor:
                return input.With(Fill(input.Elements, number, pattern, total, ref seen));
            default:
                return input;
        }
    }

    private static BorrowedTensor Fill(in BorrowedTensor elements, double number, NonFinitePattern pattern, long total, ref long seen)
    {
        if (!FiniteScan.Knows(elements.Type)) return elements;
        var bytes = TypedBytes.Of(elements).ToArray();
        var size = ElementTypes.SizeOf(elements.Type);
        for (var i = 0; i < elements.Length; i++, seen++)
        {
            var isMeant = pattern switch
            {
                NonFinitePattern.First => seen == 0,
                NonFinitePattern.Last => seen == total - 1,
                NonFinitePattern.Odd => IsOdd(i, elements.Shape),
                _ => !IsOdd(i, elements.Shape),
            };
            if (isMeant) Scalars.Fill(bytes.AsSpan(i * size, size), elements.Type, number);
        }

        return BorrowedTensor.FromBytes(elements.Type, bytes, (int)elements.Length, elements.Shape);
    }

    /// <summary>Whether the sum of an element's coordinates is odd.</summary>
    private static bool IsOdd(long index, long[]? shape)
    {
        if (shape is null) return index % 2 == 1;
        long sum = 0;
        for (var axis = shape.Length - 1; axis >= 0; axis--)
        {
            (index, var coordinate) = Math.DivRem(index, Math.Max(1, shape[axis]));
            sum += coordinate;
        }

        return sum % 2 == 1;
    }
}
