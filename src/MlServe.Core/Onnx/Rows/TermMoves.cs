namespace MlServe.Onnx.Rows;

/// <summary>Moves the elements of small tensors about.</summary>
internal static class TermMoves
{
    /// <summary>The sizes as numbers; null if one is not known, or they are more elements than are kept.</summary>
    public static int[]? Known(ReadOnlySpan<Size> dims)
    {
        var known = new int[dims.Length];
        long count = 1;
        for (var i = 0; i < dims.Length; i++)
        {
            if (!dims[i].IsKnown || dims[i].Factor > FlowValue.MaxTerms) return null;
            known[i] = (int)dims[i].Factor;
            count = Math.Min(count * known[i], int.MaxValue);
        }

        return count <= FlowValue.MaxTerms ? known : null;
    }

    /// <summary>Takes for each element of an output one of the source.</summary>
    /// <param name="source">A value with terms.</param>
    /// <param name="dims">The output's dimensions.</param>
    /// <param name="from">The place in the source for a place in the output; null for one that there is not.</param>
    public static Term?[]? Select(FlowValue source, ReadOnlySpan<Size> dims, Func<int[], int[]?> from)
    {
        if (source.Terms is not { } terms || Known(dims) is not { } sizes || Known(source.Dims) is not { } sourceSizes) return null;
        var selected = new Term?[sizes.Aggregate(1, static (count, size) => count * size)];
        var place = new int[sizes.Length];
        for (var i = 0; i < selected.Length; i++)
        {
            if (from(place) is not { } sourcePlace || Flat(sourcePlace, sourceSizes) is not { } index) return null;
            selected[i] = terms[index];
            Advance(place, sizes);
        }

        return selected;
    }

    /// <summary>The element at a place; null if there is none.</summary>
    public static (Term? Term, int Index)? At(FlowValue source, int[] place) =>
        source.Terms is { } terms && Known(source.Dims) is { } sizes && Flat(place, sizes) is { } index ? (terms[index], index) : null;

    /// <summary>A value of which the elements are known if they could be moved.</summary>
    public static FlowValue With(FlowValue result, Term?[]? terms, bool isReal) =>
        terms is not null && result is { Kind: FlowKind.Shared or FlowKind.Count, Dims: { } dims }
            ? FlowValue.OfTerms(dims, terms, isReal).WithDoubt(result.Doubt)
            : result;

    public static void Advance(int[] place, int[] sizes)
    {
        for (var axis = place.Length - 1; axis >= 0; axis--)
        {
            if (++place[axis] < sizes[axis]) return;
            place[axis] = 0;
        }
    }

    private static int? Flat(int[] place, int[] sizes)
    {
        var index = 0;
        for (var axis = 0; axis < sizes.Length; axis++)
        {
            if (place[axis] < 0 || place[axis] >= sizes[axis]) return null;
            index = (index * sizes[axis]) + place[axis];
        }

        return index;
    }
}
