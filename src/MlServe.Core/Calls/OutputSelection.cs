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

    /// <summary>Finds the outputs that a call asks for.</summary>
    /// <param name="signature">The model's signature.</param>
    /// <param name="options">The options of the call, or null.</param>
    /// <param name="error">Null, or why the call cannot be served.</param>
    /// <returns>The selection; all outputs where nothing is asked for by name or there is an error.</returns>
    public static OutputSelection Resolve(ModelSignature signature, PredictionOptions? options, out PredictionError? error)
    {
        ArgumentNullException.ThrowIfNull(signature);
        error = null;
        if (options?.Outputs is not { } names) return signature.AllOutputs;
        if (options.Selection is { } known && ReferenceEquals(known.Signature, signature)) return known;

        var wanted = new SortedSet<int>();
        foreach (var name in names)
        {
            var index = name is null ? -1 : signature.IndexOfOutput(name);
            if (index < 0)
            {
                error = new(PredictionStatus.Invalid, PredictionErrorCode.OutputUnknown,
                    "There is no output '{0}'. The model has: {1}.", name, signature.OutputNames);
                return signature.AllOutputs;
            }

            wanted.Add(index);
        }

        if (wanted.Count == 0)
        {
            error = new(PredictionStatus.Invalid, PredictionErrorCode.OutputUnknown,
                "PredictionOptions.Outputs is empty. Name at least one of: {0}; or leave it null for all.", signature.OutputNames);
            return signature.AllOutputs;
        }

        var selection = wanted.Count == signature.Outputs.Count ? signature.AllOutputs : new OutputSelection(signature, [.. wanted]);
        options.Selection = selection;
        return selection;
    }
}
