namespace MlServe.Benchmarks.Scorecard;

/// <summary>One claim and what was measured for it.</summary>
/// <param name="Name">Dotted, lowercase: the room, then what.</param>
/// <param name="Value">The median; null where it could not be measured.</param>
/// <param name="Unit"><c>ratio</c>, <c>B</c>, <c>ns</c> and so on.</param>
/// <param name="Goal">What was promised.</param>
/// <param name="HigherIsBetter">On which side of the goal the value should lie.</param>
/// <param name="Interval">An interval for the median, of at least 95 % confidence.</param>
/// <param name="Note">Baseline and circumstances, or why there is no value.</param>
internal sealed record ScorecardRow(
    string Name, double? Value, string Unit, double Goal, bool HigherIsBetter, (double Low, double High)? Interval, string Note)
{
    public Verdict Verdict
    {
        get
        {
            if (Value is not { } value) return Verdict.NotAvailable;
            var (low, high) = Interval ?? (value, value);
            if (HigherIsBetter ? low >= Goal : high <= Goal) return Verdict.Met;
            return (HigherIsBetter ? high < Goal : low > Goal) ? Verdict.NotMet : Verdict.Undecided;
        }
    }
}
