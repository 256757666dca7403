using System.Numerics;

namespace MlServe;

/// <summary>
/// The choices of outputs that calls of one model have made. Bounded: if more are in use than there are places, those that do not fit are
/// made anew for each call. Safe for concurrent use.
/// </summary>
internal sealed class OutputSelections(ModelSignature signature)
{
    private const int Places = 64;
    private const int Tries = 4;
    private const int MaxOnStack = 16;

    private OutputSelection?[]? _known;

    /// <param name="names">The names that a call gives.</param>
    /// <param name="error">Null, or why the call cannot be served.</param>
    /// <returns>All outputs if there is an error.</returns>
    public OutputSelection Find(IReadOnlyList<string> names, out PredictionError? error)
    {
        var words = (signature.Outputs.Count + 63) / 64;
        Span<ulong> wanted = words <= MaxOnStack ? stackalloc ulong[MaxOnStack] : new ulong[words];
        wanted = wanted[..words];
        wanted.Clear();

        // Once: a list may be changed by its owner meanwhile.
        var given = names.Count;
        for (var i = 0; i < given; i++)
        {
            var name = names[i];
            var index = name is null ? -1 : signature.IndexOfOutput(name);
            if (index < 0)
            {
                error = new(PredictionStatus.Invalid, PredictionErrorCode.OutputUnknown,
                    "There is no output '{0}'.{1} The model has: {2}.", name, signature.NearestOutput(name ?? ""), signature.OutputNames);
                return signature.AllOutputs;
            }

            wanted[index / 64] |= 1UL << (index % 64);
        }

        error = given > 0 ? null : new(PredictionStatus.Invalid, PredictionErrorCode.OutputUnknown,
            "PredictionOptions.Outputs is empty. Name at least one of: {0}; or leave it null for all.", signature.OutputNames);
        return given > 0 ? Find(wanted) : signature.AllOutputs;
    }

    private OutputSelection Find(ReadOnlySpan<ulong> wanted)
    {
        var count = 0;
        var hash = new HashCode();
        foreach (var word in wanted)
        {
            count += BitOperations.PopCount(word);
            hash.Add(word);
        }

        if (count == signature.Outputs.Count) return signature.AllOutputs;
        var known = Volatile.Read(ref _known) ?? Interlocked.CompareExchange(ref _known, new OutputSelection?[Places], null) ?? _known;
        var first = hash.ToHashCode() & (Places - 1);
        var free = first;
        for (var i = Tries - 1; i >= 0; i--)
        {
            var place = (first + i) & (Places - 1);
            var other = Volatile.Read(ref known[place]);
            if (other is null) free = place;
            else if (IsOf(other, wanted, count)) return other;
        }

        var made = new OutputSelection(signature, IndexesOf(wanted, count));
        Volatile.Write(ref known[free], made);
        return made;
    }

    private static bool IsOf(OutputSelection selection, ReadOnlySpan<ulong> wanted, int count)
    {
        if (selection.IndexSpan.Length != count) return false;
        foreach (var index in selection.IndexSpan)
        {
            if ((wanted[index / 64] >> (index % 64) & 1) == 0) return false;
        }

        return true;
    }

    private static int[] IndexesOf(ReadOnlySpan<ulong> wanted, int count)
    {
        var indexes = new int[count];
        var next = 0;
        for (var index = 0; next < count; index++)
        {
            if ((wanted[index / 64] >> (index % 64) & 1) != 0) indexes[next++] = index;
        }

        return indexes;
    }
}
