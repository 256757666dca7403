namespace MlServe.Benchmarks.Scorecard;

/// <summary>Whether a goal was reached. A row is met, or not met, only where its whole interval lies on that side.</summary>
internal enum Verdict
{
    Met,
    NotMet,
    Undecided,
    NotAvailable,
}
