namespace MlServe.Benchmarks.Scorecard;

/// <summary>Claims that are measured together, because one model or one run serves them all.</summary>
internal sealed record ScorecardGroup(Claim[] Claims, Func<int, IEnumerable<ScorecardRow>> Measure)
{
    public ScorecardGroup(Claim claim, Func<int, ScorecardRow> measure)
        : this([claim], windows => [measure(windows)])
    {
    }

    public bool Matches(string only) => Claims.Any(claim => claim.Name.StartsWith(only, StringComparison.Ordinal));

    /// <summary>
    /// The rows that are asked for. What breaks is told in the rows that are missing then, and does not cost the other groups.
    /// </summary>
    /// <param name="windows">Pairs of windows a row.</param>
    /// <param name="only">With what the names of the rows begin.</param>
    /// <param name="failed">Told of what broke.</param>
    public IEnumerable<ScorecardRow> Run(int windows, string only, Action<Exception> failed)
    {
        var rows = new List<ScorecardRow>();
        try
        {
            rows.AddRange(Measure(windows));
        }
#pragma warning disable CA1031 // Whatever it is, it is the reason that the rows give.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failed(exception);
            rows.AddRange(Claims.Except(rows.Select(static row => row.Claim))
                .Select(claim => claim.NotAvailable($"failed: {exception.GetType().Name}: {exception.Message}")));
        }

        return rows.Where(row => row.Claim.Name.StartsWith(only, StringComparison.Ordinal));
    }
}
