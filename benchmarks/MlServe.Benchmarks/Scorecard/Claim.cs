using MlServe.Benchmarks.Measurement;

namespace MlServe.Benchmarks.Scorecard;

/// <summary>Something that is promised, before it is measured.</summary>
/// <param name="Name">Dotted, lowercase: the room, then what.</param>
/// <param name="Unit"><c>ratio</c>, <c>B</c>, <c>ns</c> and so on.</param>
/// <param name="Goal">What is promised.</param>
/// <param name="HigherIsBetter">On which side of the goal the value should lie.</param>
internal sealed record Claim(string Name, string Unit, double Goal, bool HigherIsBetter)
{
    public static Claim AtLeast(string name, string unit, double goal) => new(name, unit, goal, true);

    public static Claim AtMost(string name, string unit, double goal) => new(name, unit, goal, false);

    /// <summary>The claim with what was measured for it.</summary>
    public ScorecardRow Row(MedianEstimate estimate, string note) =>
        double.IsFinite(estimate.Median)
            ? new(this, estimate.Median, (estimate.Low, estimate.High), note)
            : NotAvailable($"no finite value; {note}");

    /// <summary>The claim with a count, which has no interval.</summary>
    public ScorecardRow Row(double count, string note) => new(this, count, null, note);

    /// <summary>The claim where it could not be measured.</summary>
    public ScorecardRow NotAvailable(string reason) => new(this, null, null, reason);
}
