namespace MlServe;

/// <summary>The outputs that a run computes, resolved against one signature. Immutable.</summary>
internal sealed class OutputSelection
{
    private readonly int[] _indexes;

    internal OutputSelection(ModelSignature signature, int[] indexes)
    {
        _indexes = indexes;
        Signature = signature;
        IsAll = indexes.Length == signature.Outputs.Count;
    }

    /// <summary>The signature whose outputs are meant.</summary>
    public ModelSignature Signature { get; }

    /// <summary>Positions in <see cref="ModelSignature.Outputs"/>, ascending.</summary>
    public IReadOnlyList<int> Indexes => _indexes;

    internal ReadOnlySpan<int> IndexSpan => _indexes;

    /// <summary>Whether these are all outputs of the model.</summary>
    public bool IsAll { get; }

    /// <summary>
    /// Finds the outputs that a call asks for. A choice that was made before allocates nothing, whichever options name it.
    /// </summary>
    /// <param name="signature">The model's signature.</param>
    /// <param name="options">The options of the call, or null.</param>
    /// <param name="error">Null, or why the call cannot be served.</param>
    /// <returns>The selection; all outputs if nothing is asked for by name or there is an error.</returns>
    public static OutputSelection Resolve(ModelSignature signature, PredictionOptions? options, out PredictionError? error)
    {
        ArgumentNullException.ThrowIfNull(signature);
        error = null;
        return options?.Outputs is { } names ? signature.Selections.Find(names, out error) : signature.AllOutputs;
    }
}
