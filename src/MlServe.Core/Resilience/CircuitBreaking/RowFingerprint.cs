using MlServe.Tensors;

namespace MlServe.Resilience;

/// <summary>
/// A hash of a request's elements, with a seed of its own in each process. Equal requests have equal hashes, and others most likely do not.
/// </summary>
internal static class RowFingerprint
{
    private const int MaxDepth = 8;

    public static int Of(in PredictionInputs inputs)
    {
        var hash = new HashCode();
        try
        {
            for (var i = 0; i < inputs.Count; i++)
                Add(ref hash, in PredictionInputs.ItemOf(in inputs, i), 0);
        }
#pragma warning disable CA1031 // A caller's memory that throws has an answer already; it counts as one row.
        catch (Exception)
#pragma warning restore CA1031
        {
            return 0;
        }

        return hash.ToHashCode();
    }

    private static void Add(ref HashCode hash, in PredictionInput input, int depth)
    {
        hash.Add(input.Kind);
        switch (input.Kind)
        {
            case ValueKind.Sequence when depth < MaxDepth:
                foreach (ref readonly var part in input.Sequence.AsSpan())
                    Add(ref hash, in part, depth + 1);
                break;
            case ValueKind.Map:
                Add(ref hash, input.Elements);
                Add(ref hash, input.MapValues);
                break;
            case ValueKind.Tensor:
                Add(ref hash, input.Elements);
                break;
        }
    }

    private static void Add(ref HashCode hash, in BorrowedTensor elements)
    {
        hash.Add(elements.Length);
        if (elements.Type == ElementType.String)
        {
            foreach (var text in elements.AsSpan<string>())
                hash.Add(text);
        }
        else
        {
            hash.AddBytes(TypedBytes.Of(in elements));
        }
    }
}
