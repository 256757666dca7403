namespace MlServe.Benchmarks.Load;

/// <summary>The rows of a load test, tried once each before it begins.</summary>
internal static class InputRows
{
    // Small enough to be valid as ids; else as masks and types of segments too.
    private static readonly int[] IntegerBounds = [10, 2];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <exception cref="LoadException">There are no rows that the model answers.</exception>
    public static async Task<IReadOnlyList<PredictionInputs>> FindAsync(
        IPredictor predictor, string? file, IReadOnlyDictionary<string, long> sizes, int seed, CancellationToken cancellationToken)
    {
        var shape = new RowShape(sizes);
        if (file is not null)
        {
            var read = RowFile.Read(file, predictor.Signature, shape);
            return await TryAsync(predictor, read, cancellationToken) is { } wrong
                ? throw new LoadException($"The model does not answer the rows of '{file}'. {wrong}")
                : read;
        }

        string? problem = null;
        foreach (var bound in IntegerBounds)
        {
            var rows = MadeUpRows.Make(predictor.Signature, shape, seed, bound);
            if (await TryAsync(predictor, rows, cancellationToken) is not { } wrong) return rows;
            problem ??= wrong;
        }

        throw new LoadException(
            $"The model does not answer rows that are made up from its signature {predictor.Signature}. "
            + $"{problem} Give it real rows with --inputs FILE.");
    }

    /// <summary>What the model says to the first row that it does not answer.</summary>
    private static async Task<string?> TryAsync(
        IPredictor predictor, IReadOnlyList<PredictionInputs> rows, CancellationToken cancellationToken)
    {
        foreach (var row in rows)
        {
            try
            {
                using var prediction = await predictor.PredictAsync(row, cancellationToken: cancellationToken)
                    .AsTask()
                    .WaitAsync(Patience, cancellationToken);
                if (!prediction.IsOk) return prediction.Error.ToString();
            }
            catch (TimeoutException)
            {
                return $"There was no answer within {Patience.TotalSeconds:0} s.";
            }
        }

        return null;
    }
}
