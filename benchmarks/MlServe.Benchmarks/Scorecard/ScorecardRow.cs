namespace MlServe.Benchmarks.Scorecard;

/// <summary>One claim and what was measured for it.</summary>
/// <param name="Claim">What is promised.</param>
/// <param name="Value">The median; null where it could not be measured.</param>
/// <param name="Interval">An interval for the median, of at least 95 % confidence; null: a count, which has none.</param>
/// <param name="Note">Baseline and circumstances, or why there is no value.</param>
internal sealed record ScorecardRow(Claim Claim, double? Value, (double Low, double High)? Interval, string Note)
{
    public Verdict Verdict
    {
        get
        {
            if (Value is not { } value) return Verdict.NotAvailable;
            var (low, high) = Interval ?? (value, value);
            if (Claim.HigherIsBetter ? low >= Claim.Goal : high <= Claim.Goal) return Verdict.Met;
            return (Claim.HigherIsBetter ? high < Claim.Goal : low > Claim.Goal) ? Verdict.NotMet : Verdict.Undecided;
        }
    }
}
